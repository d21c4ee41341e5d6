from pathlib import Path

import pytest

from smoothcore.engines import ENGINES
from smoothcore.workflow.fingerprint import (
    NOT_DETERMINING,
    fingerprint,
    module_file,
    modules_behind,
)

SCRIPTS = Path(__file__).parent.parent / "workflow_scripts"


def write(path, text):
    path.write_text(text)
    return path


def test_comments_docstrings_and_layout_do_not_count(tmp_path):
    plain = fingerprint(write(tmp_path / "a.py", "def f(x):\n    return x + 1\n"))
    dressed = '"""Doc."""\n# why\ndef f(x):\n    """Add."""\n\n    return (x\n        + 1)\n'
    assert fingerprint(write(tmp_path / "b.py", dressed)) == plain
    assert fingerprint(write(tmp_path / "c.py", "def f(x):\n    return x + 2\n")) != plain


def test_imports_are_followed_but_not_those_for_type_checkers(tmp_path):
    script = write(
        tmp_path / "a.py",
        "from typing import TYPE_CHECKING\nfrom smoothcore.training.loop import train\n"
        "if TYPE_CHECKING:\n    from smoothcore.results.statistics import table1\n",
    )
    behind = modules_behind(script)
    assert {
        "smoothcore.training.loop",
        "smoothcore.network.seeds",
        "smoothcore.network.two_layer",
    } <= behind
    assert "smoothcore.results.statistics" not in behind


def test_only_the_engine_in_use_counts():
    behind = modules_behind(SCRIPTS / "train.py", extra_modules=[ENGINES["sparse"]])
    assert "smoothcore.engines.sparse.engine" in behind
    assert "smoothcore.engines.tensorflow.engine" not in behind


def test_training_does_not_depend_on_what_comes_after_it():
    behind = modules_behind(SCRIPTS / "train.py", extra_modules=ENGINES.values())
    later = ("measures", "statistics", "figures", "report", "config", "grid", "autodiff")
    assert not [name for name in behind if name.split(".")[1] in later]


@pytest.mark.parametrize("name", sorted(NOT_DETERMINING))
def test_modules_left_out_exist(name):
    assert module_file(name).exists()
