import pytest

from smoothcore.engines import ENGINES
from smoothcore.regularizers import all_regularizers
from smoothcore.study.run import Run
from smoothcore.training.determining import determining_modules
from smoothcore.training.recipe import Recipe
from smoothcore.workflow.fingerprint import (
    NOT_DETERMINING,
    fingerprint,
    module_file,
    modules_behind,
    training_code,
)


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


def behind_training(regularizer="GN", engine="sparse"):
    by_name = determining_modules(regularizer, engine, "mnist")
    return modules_behind("smoothcore.training.loop", "smoothcore.datasets", *by_name)


def test_only_the_engine_the_penalty_and_the_dataset_in_use_count():
    behind = behind_training()
    assert {
        "smoothcore.engines.sparse.engine",
        "smoothcore.regularizers.gn.sparse",
        "smoothcore.datasets.mnist",
    } <= behind
    others = ("engines.tensorflow", "regularizers.gpl", "regularizers.wp", "datasets.digits")
    assert not [name for name in behind if any(f".{other}" in name for other in others)]


@pytest.mark.parametrize("engine", ENGINES)
def test_training_does_not_depend_on_what_comes_after_it(engine):
    later = ("measures", "results", "workflow", "study.config", "study.grid", "keras_models")
    behind = behind_training(engine=engine)
    assert not [name for name in behind if name.removeprefix("smoothcore.").startswith(later)]


def test_runs_of_one_kind_share_their_code_and_others_do_not():
    code = {
        (name, engine): training_code(
            Run("0-1", 64, 0, name, 0.0 if name == "none" else 0.1, 0.1),
            Recipe("digits", engine, 16, 0.1, 4, 1e-5, 10),
        )
        for name in ("none", *all_regularizers())
        for engine in ENGINES
    }
    assert len(set(code.values())) == len(code)


@pytest.mark.parametrize("change", ["rank=1", "step_ratio={}"])
def test_what_an_entry_says_of_itself_does_not_count(tmp_path, change):
    code = "from smoothcore.regularizers import Regularizer\nABOUT = Regularizer({})\nX = {}\n"
    plain = fingerprint(write(tmp_path / "a.py", code.format("rank=2", 1)))
    assert fingerprint(write(tmp_path / "b.py", code.format(change, 1))) == plain
    assert fingerprint(write(tmp_path / "c.py", code.format(change, 2))) != plain


@pytest.mark.parametrize("name", sorted(NOT_DETERMINING))
def test_modules_left_out_exist(name):
    assert module_file(name).exists()
