"""What a fingerprint covers: what changes a result, and nothing else."""

import pytest

from smoothcore.datasets import all_datasets
from smoothcore.engines import ENGINES
from smoothcore.measures import all_measures
from smoothcore.regularizers import NONE, all_regularizers
from smoothcore.workflow import fingerprint as fingerprints
from smoothcore.workflow.fingerprint import (
    NOT_DETERMINING,
    fingerprint,
    measuring_code,
    module_file,
    modules_behind,
    training_code,
)

#: what the bits of a network, or of a measure, follow from
OF_BOTH = ["network.seeds", "network.two_layer", "training.initial", "datasets._pair"]
OF_TRAINING = [
    *OF_BOTH, "training.loop", "training.recipe", "study.run", "engines.sparse.engine",
    "engines.sparse.images", "engines.sparse.plain", "engines.sparse.sweep",
    "engines.sparse.vectors", "engines.sparse.llvm", "engines.sparse.norms", "engines.sparse.rows",
    "regularizers.gpl.sparse",
]  # fmt: skip
OF_MEASURING = [
    *OF_BOTH, "jobs.evaluation", "measures._measuring", "measures._seen", "measures._segments",
    "measures._units", "measures.gpl",
]  # fmt: skip


def write(path, text):
    path.write_text(text)
    return path


def test_comments_docstrings_and_layout_do_not_count(tmp_path):
    plain = fingerprint(write(tmp_path / "a.py", "def f(x):\n    return x + 1\n"))
    dressed = '"""Doc."""\n# why\ndef f(x):\n    """Add."""\n\n    return (x\n        + 1)\n'
    assert fingerprint(write(tmp_path / "b.py", dressed)) == plain
    assert fingerprint(write(tmp_path / "c.py", "def f(x):\n    return x + 2\n")) != plain


def test_what_an_entry_says_of_itself_does_not_count(tmp_path):
    plain = fingerprint(write(tmp_path / "a.py", "ABOUT = Measure(color='red')\nX = 1\n"))
    assert fingerprint(write(tmp_path / "b.py", "ABOUT = Measure(color='blue')\nX = 1\n")) == plain
    assert fingerprint(write(tmp_path / "c.py", "ABOUT = Measure(color='red')\nX = 2\n")) != plain
    typed = "ABOUT: Measure = Measure(color='blue')\nX = 1\n"
    assert fingerprint(write(tmp_path / "d.py", typed)) == plain


def test_all_of_a_file_that_is_no_python_counts(tmp_path):
    texts = ("# a {color: red}", "# a {color: blue}", "'a'", "import smoothcore.results")
    files = [write(tmp_path / f"{number}.css", text) for number, text in enumerate(texts)]
    assert len({fingerprint(file) for file in files}) == len(files)
    assert not modules_behind(*files)


def test_relative_imports_are_followed(tmp_path, monkeypatch):
    folder = tmp_path / "smoothcore" / "regularizers" / "wd"
    folder.mkdir(parents=True)
    write(folder / "helper.py", "def f(x):\n    return x\n")
    monkeypatch.setattr(fingerprints, "_ROOT", tmp_path)
    lines = ("from .helper import f", "from . import helper", "from ..wd.helper import f")
    for number, line in enumerate(lines):
        step = write(folder / f"step{number}.py", line)
        assert "smoothcore.regularizers.wd.helper" in fingerprints._imported(step)


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


def behind_training(regularizer=NONE, engine="sparse"):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(fingerprints, "fingerprint", modules_behind)
        return training_code.__wrapped__(regularizer, engine)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("regularizer", [NONE, *all_regularizers()])
def test_training_depends_on_its_own_engine_and_penalty_only(regularizer, engine):
    behind = behind_training(regularizer, engine)
    assert [name for name in ENGINES.values() if name in behind] == [ENGINES[engine]]
    rooms = {about.module: name for name, about in all_regularizers().items()}
    entered = {rooms[r] for r in rooms if any(name.startswith(f"{r}.") for name in behind)}
    assert entered == {regularizer} - {NONE}
    assert not behind & {f"smoothcore.datasets.{name}" for name in all_datasets()}


@pytest.mark.parametrize("engine", ENGINES)
def test_training_does_not_depend_on_what_comes_after_it(engine):
    later = {"measures", "results", "workflow", "keras_models", "jobs"}
    assert not {name.split(".")[1] for name in behind_training(engine=engine)} & later
    assert not {"smoothcore.study.config", "smoothcore.study.grid"} & behind_training(engine=engine)


def test_runs_of_one_kind_share_their_code_and_others_do_not():
    code = {
        (name, engine): training_code(name, engine)
        for name in (NONE, *all_regularizers())
        for engine in ENGINES
    }
    assert len(set(code.values())) == len(code)


@pytest.mark.parametrize("measure", all_measures())
def test_a_measure_depends_on_itself_and_not_on_the_others(measure):
    module = all_measures()[measure].module
    behind = modules_behind("smoothcore.measures._seen", "smoothcore.training.initial", module)
    assert module in behind
    entries = {about.module for about in all_measures().values()}
    others = behind & entries - {module}
    assert not others, others


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *(("training", name) for name in OF_TRAINING),
        *(("measuring", name) for name in OF_MEASURING),
    ],
)
def test_code_changes_with_all_that_a_result_follows_from(monkeypatch, kind, name):
    path, normalized = module_file(f"smoothcore.{name}"), fingerprints._normalized
    codes = {"training": ("GPL", "sparse"), "measuring": ("GPL",)}
    code = {"training": training_code, "measuring": measuring_code}[kind].__wrapped__
    before = code(*codes[kind])
    monkeypatch.setattr(
        fingerprints, "_normalized", lambda file: normalized(file) + "+" * (file == path)
    )
    assert code(*codes[kind]) != before


def test_a_fingerprint_is_that_of_every_python(tmp_path):
    """`ast.unparse` quotes f-strings in another way from 3.12 on: all runs would be stale."""
    line = """return f"{x!r:>{y}} {', '.join(x)}" + 'λ'"""
    source = f"def f(x, *, y=None):\n    {line}\n"
    assert fingerprint(write(tmp_path / "a.py", source)) == "c9cdc4cc8369c3ee"


@pytest.mark.parametrize("name", sorted(NOT_DETERMINING))
def test_modules_left_out_exist(name):
    assert module_file(name).exists()
