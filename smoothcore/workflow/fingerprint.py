"""Fingerprints of the code that determines a result, so that an edit reruns what it can change.

A fingerprint covers some code and every module of this package that it imports, directly or through
others, without comments, docstrings and layout, and without what a measure or a regularizer says of
itself. Modules that cannot change a result are named in `NOT_DETERMINING` and left out. The entries
of a room are imported by name: a fingerprint covers those it is told of, so that a new entry makes
nothing stale.
"""

import ast
import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path

from smoothcore.engines import ENGINES
from smoothcore.measures import all_measures
from smoothcore.regularizers import step_module

PACKAGE = "smoothcore"
_ROOT = Path(__file__).parents[2]

#: they move, guard and describe results but do not compute any
NOT_DETERMINING = frozenset(
    f"{PACKAGE}.{name}"
    for name in (
        "datasets",
        "errors",
        "regularizers",
        "files.locking",
        "files.paths",
        "files.repair",
        "files.storage",
        "jobs.settings",
        "measures",
        "measures._about",
        "training.progress",
        "workflow.command_line",
        "workflow.fingerprint",
    )
) | {PACKAGE}


def fingerprint(*sources: Path | str) -> str:
    """Return a hex digest (16 digits) of some code and of all it imports of this package.

    Args:
        sources: scripts by their path, modules of this package by their full names. A file that is
            no Python counts as it is.
    """
    digest = hashlib.sha256()
    for script in sources:
        if isinstance(script, Path):
            digest.update(_normalized(script).encode())
    for name in sorted(modules_behind(*sources)):
        digest.update(f"\n# {name}\n{_normalized(module_file(name))}".encode())
    return digest.hexdigest()[:16]


@functools.cache
def training_code(regularizer: str, engine: str) -> str:
    """Return the fingerprint of the code that determines a trained network.

    The code of the dataset is not in it: preparing the images refuses others than those that
    networks were trained on.
    """
    step = step_module(regularizer, engine)
    # the engine and the step are imported by name
    by_name = [ENGINES[engine], *([step] if step else [])]
    return fingerprint("smoothcore.training.loop", "smoothcore.datasets._pair", *by_name)


@functools.cache
def measuring_code(measure: str) -> str:
    """Return the fingerprint of the code that determines the values of a measure."""
    module = all_measures()[measure].module
    return fingerprint(
        "smoothcore.jobs.evaluation",
        "smoothcore.measures._measuring",
        "smoothcore.measures._seen",
        "smoothcore.datasets._pair",
        module,
    )


def read_again() -> None:
    """Forget what the sources were: the next fingerprint is of what they are now."""
    for cached in (training_code, measuring_code, _imported, _tree, _normalized):
        cached.cache_clear()


def _describes(statement: ast.stmt) -> bool:
    """Tell whether a measure or a regularizer says here what it is: names, colours, costs."""
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name == "ABOUT"
    return False


def modules_behind(*sources: Path | str) -> set[str]:
    """Return the full names of the determining modules behind some code, itself included."""
    found: set[str] = set()
    waiting: list[str] = []
    for source in sources:
        waiting.extend([source] if isinstance(source, str) else _imported(source))
    while waiting:
        name = waiting.pop()
        if name in found or name in NOT_DETERMINING:
            continue
        found.add(name)
        waiting.extend(_imported(module_file(name)))
    return found


def module_file(name: str) -> Path:
    """Return the source file of a module of this package."""
    base = _ROOT.joinpath(*name.split("."))
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")


@functools.cache
def _imported(path: Path) -> frozenset[str]:
    """The modules of this package that a file imports when it runs, at any depth of nesting."""
    names: set[str] = set()
    for node in _statements(_tree(path)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = _module_of(node, path)
            names |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    ours = (name for name in names if name.split(".")[0] == PACKAGE)
    return frozenset(name for name in ours if module_file(name).exists())


def _module_of(node: ast.ImportFrom, path: Path) -> str:
    """Return the full name of the module that ``from … import`` names in a file."""
    if not node.level:
        return str(node.module)
    folder = path.parents[node.level - 1].relative_to(_ROOT)
    return ".".join([*folder.parts, *([node.module] if node.module else [])])


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk the statements of a tree, without the bodies of ``if TYPE_CHECKING:``."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.stmt | ast.excepthandler | ast.match_case):
            yield node
            yield from _statements(node)


@functools.cache
def _tree(path: Path) -> ast.Module:
    """The source, read once for both uses; `_normalized` takes the docstrings out of it."""
    text = path.read_text(encoding="utf-8")
    return ast.parse(text if path.suffix == ".py" else f"text = {text!r}")


@functools.cache
def _normalized(path: Path) -> str:
    """The source without comments, docstrings, layout, and what an entry says of itself."""
    tree = ast.Module([s for s in _tree(path).body if not _describes(s)], type_ignores=[])
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for node in [tree, *_statements(tree)]:
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return _canonical(tree)


def _canonical(tree: ast.AST) -> str:
    """Return a tree as text that is the same for every version of Python.

    `ast.unparse` and `ast.dump` are not: from 3.12 on f-strings have other quotes, from 3.13 on
    empty lists are left out. In some versions an f-string ends with a constant of no letters.
    """

    def plain(node: object) -> object:
        if isinstance(node, ast.Constant):
            return ("Constant", ascii(node.value))
        if isinstance(node, ast.JoinedStr):
            return ("JoinedStr", [p for p in map(plain, node.values) if p != ("Constant", "''")])
        if isinstance(node, ast.AST):
            fields = ((name, plain(value)) for name, value in ast.iter_fields(node) if value)
            return (type(node).__name__, *fields)
        return [plain(value) for value in node] if isinstance(node, list) else node

    return ascii(plain(tree))
