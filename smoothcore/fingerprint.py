"""Fingerprints of the code that determines a result, so that an edit reruns what it can change.

The fingerprint of a script covers the script and every module of this package it imports, directly
or through others, without comments, docstrings and layout. Modules that cannot change a result
are named in `NOT_DETERMINING` and left out.
"""

import ast
import functools
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

PACKAGE = "smoothcore"

#: they move, guard and describe results but do not compute any
NOT_DETERMINING = frozenset(
    f"{PACKAGE}.{name}"
    for name in ("errors", "fingerprint", "locking", "paths", "progress", "repair", "storage")
) | {PACKAGE}


def fingerprint(script: Path, *, extra_modules: Iterable[str] = ()) -> str:
    """Return a hex digest (16 digits) of the code behind ``script``.

    Args:
        script: a Python file beside the package's own folder.
        extra_modules: full names of modules it imports by name at run time, such as an engine.
    """
    digest = hashlib.sha256(_normalized(Path(script)).encode())
    for name in sorted(modules_behind(script, extra_modules=extra_modules)):
        digest.update(f"\n# {name}\n{_normalized(module_file(name))}".encode())
    return digest.hexdigest()[:16]


def digest_of_files(paths: Iterable[Path]) -> str:
    """Return a hex digest (16 digits) of the contents of files that are not Python."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def modules_behind(script: Path, *, extra_modules: Iterable[str] = ()) -> set[str]:
    """Return the full names of the determining modules a script imports, however indirectly."""
    found: set[str] = set()
    waiting = [*_imported(Path(script)), *extra_modules]
    while waiting:
        name = waiting.pop()
        if name in found or name in NOT_DETERMINING:
            continue
        found.add(name)
        waiting.extend(_imported(module_file(name)))
    return found


def module_file(name: str) -> Path:
    """Return the source file of a module of this package."""
    base = Path(__file__).parent.parent.joinpath(*name.split("."))
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")


@functools.cache
def _imported(path: Path) -> frozenset[str]:
    """The modules of this package that a file imports when it runs, at any depth of nesting."""
    names: set[str] = set()
    for node in _walk_executed(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
            names.update(
                f"{node.module}.{alias.name}"
                for alias in node.names
                if node.module.split(".")[0] == PACKAGE
                and module_file(f"{node.module}.{alias.name}").exists()
            )
    return frozenset(name for name in names if name.split(".")[0] == PACKAGE)


def _walk_executed(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk a tree without the bodies of ``if TYPE_CHECKING:``."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        yield node
        yield from _walk_executed(node)


@functools.cache
def _normalized(path: Path) -> str:
    """The source without comments, docstrings and layout."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
            and isinstance(body[0].value.value, str)
        ):
            node.body = body[1:] or [ast.Pass()]
    return ast.unparse(tree)
