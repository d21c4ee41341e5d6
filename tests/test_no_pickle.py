"""No file that somebody else may have written can run code: nothing is unpickled."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(
    path for room in ("smoothcore", "workflow_scripts") for path in (ROOT / room).rglob("*.py")
)
#: modules whose loading can run code
UNSAFE = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "jsonpickle"}
#: the cache of machine code on one's own disk, in Numba's format (SECURITY.md)
MAY = {"smoothcore/engines/sparse/compiled.py"}


def unsafe(source: str) -> list[str]:
    """Return what in a source can load a pickle."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [a.name for a in node.names if a.name.split(".")[0] in UNSAFE]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in UNSAFE:
            found.append(node.module)
        elif isinstance(node, ast.Attribute):
            called = ast.unparse(node)
            if node.attr in ("read_pickle", "unsafe_load", "full_load") or called == "yaml.load":
                found.append(called)
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            found += [] if ast.unparse(node.value) == "False" else ["allow_pickle"]
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("np.load", "numpy.load"):
            safe = any(k.arg == "allow_pickle" for k in node.keywords)
            found += [] if safe else ["np.load"]
    return found


@pytest.mark.parametrize(
    "source",
    [
        "import pickle", "from joblib import load", "pd.read_pickle(p)", "yaml.load(t)",
        "np.load(p, allow_pickle=True)", "np.load(p)",
    ],
)  # fmt: skip
def test_each_way_is_seen(source):
    assert unsafe(source)


def test_nothing_loads_a_pickle():
    assert len(SOURCES) > 100
    found = {str(p.relative_to(ROOT)): unsafe(p.read_text(encoding="utf-8")) for p in SOURCES}
    assert {path for path, ways in found.items() if ways} == MAY
