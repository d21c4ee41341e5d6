"""Fingerprints of the code that determines a result, so that an edit reruns what it can change.

The fingerprint of a script covers the script and every module of this package it imports, directly
or through others, without comments, docstrings and layout, and without what a measure or a
regularizer says of itself. Modules that cannot change a result are named in `NOT_DETERMINING` and
left out. The entries of a room are imported by name: a script's fingerprint covers those it is told
of, so that a new one makes nothing stale.
"""

import ast
import functools
import hashlib
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

from smoothcore import registry

PACKAGE = "smoothcore"

#: they move, guard and describe results but do not compute any
NOT_DETERMINING = frozenset(
    f"{PACKAGE}.{name}"
    for name in (
        "errors",
        "registry",
        "files.locking",
        "files.paths",
        "files.repair",
        "files.storage",
        "training.progress",
        "workflow.command_line",
        "workflow.fingerprint",
    )
) | {PACKAGE}

#: the constant in which a measure or a regularizer says what it is: names, colours, costs
DESCRIPTION = "ABOUT"


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


def descriptions(rooms: Iterable[str]) -> str:
    """Return a hex digest (16 digits) of what the entries of some rooms say of themselves.

    Tables and figures depend on it: names, order, colours, lower bounds.

    Args:
        rooms: full names of packages, such as ``smoothcore.measures``.
    """
    digest = hashlib.sha256()
    for name in itertools.chain(*map(registry.modules, rooms)):
        tree = ast.parse(module_file(name).read_text(encoding="utf-8"))
        digest.update("\n".join(ast.unparse(s) for s in tree.body if _describes(s)).encode())
    return digest.hexdigest()[:16]


def _describes(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == DESCRIPTION


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
    base = Path(__file__).parents[2].joinpath(*name.split("."))
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
    """The source without comments, docstrings, layout, and what an entry says of itself."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tree.body = [statement for statement in tree.body if not _describes(statement)]
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
