"""Every question of docs/queries.md is asked, and the example of the library alone is run."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import matplotlib
import pandas as pd
import pytest

from smoothcore.datasets import prepare
from smoothcore.files.paths import Layout
from smoothcore.measures import all_measures
from smoothcore.study.grid import all_runs
from tests.synthetic_study import DECOY, demo_study, interpolates, value_of, write_study

ROOT = Path(__file__).parent.parent
# a word behind the language would be no block to the pages' Markdown
BLOCK = re.compile(r"^([^\n]+)\n\n```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCKS = BLOCK.findall((ROOT / "docs" / "queries.md").read_text(encoding="utf-8"))
(_, _, SETUP), *BLOCKS = BLOCKS
QUESTIONS = [(title, code) for title, language, code in BLOCKS if language == "python"]
SQL = [(title, code) for title, language, code in BLOCKS if language == "sql"]
#: what a question reads that is not published: weights, images, a file per run
FILES = ("read_weights", "load_pair", 'results/demo/measures"', "results/demo/runs/")
OF_TABLES = [block for block in BLOCKS if not any(name in block[2] for name in FILES)]
#: what to write for the demo in a question to the published results of the paper's study
PAPER = {
    "results/demo/grid.parquet": "results/paper/grid.parquet",
    "< 240": "< 10000",
    "== 240": "== 10000",
    "== 128": "== 8192",
    "'FPL', 1e-4": "'FPL', 3.2e-3",
    '"FPL", 1e-4': '"FPL", 3.2e-3',
    'dataset="digits"': 'dataset="mnist"',
    "y[:, None], 100,": "y[:, None], 1000,",
}


@pytest.fixture(scope="module")
def study_folder(tmp_path_factory):
    """A folder with results/demo in it; the first run is missing among the files per run."""
    folder = tmp_path_factory.mktemp("queries")
    root = folder / "results" / "demo"
    study = demo_study()
    write_study(root, study, per_run=True, figures=False)
    Layout(root).record(all_runs(study)[0]).unlink()
    prepare("digits", Layout(root).data("digits"), None)
    return folder


@pytest.fixture(autouse=True)
def there(study_folder, monkeypatch):
    monkeypatch.chdir(study_folder)
    matplotlib.use("Agg")


def ask(code, setup=SETUP):
    """Run a block after the setup; return the value of its last line."""
    scope = {}
    exec(setup, scope)
    *statements, last = ast.parse(code).body
    exec(compile(ast.Module(statements, []), "docs/queries.md", "exec"), scope)
    if isinstance(last, ast.Expr):
        return eval(compile(ast.Expression(last.value), "docs/queries.md", "eval"), scope)
    raise AssertionError("the last line of a question must be its answer")


def titled(questions, start):
    (found,) = [question for question in questions if question[0].startswith(start)]
    return found[1]


# Keras's own way of reading a variable, seen when it saves a model
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning:keras")
@pytest.mark.parametrize(
    ("title", "code"),
    [
        pytest.param(*asked, id=asked[0], marks=[pytest.mark.tensorflow] * ("keras" in asked[1]))
        for asked in QUESTIONS
    ],
)
def test_a_question_to_pandas_has_an_answer_of_networks_that_were_trained(title, code):
    """A row that is not a main one holds a value that would show in every mean."""
    answer = ask(code)
    if isinstance(answer, pd.DataFrame | pd.Series):
        assert len(answer)
        assert answer.notna().to_numpy().any()
    if isinstance(answer, pd.DataFrame) and "value" in answer and "Before and after" not in title:
        assert answer["value"].max() < 1e3 < DECOY / 100


@pytest.mark.parametrize("code", [pytest.param(code, id=title) for title, code in SQL])
def test_a_question_to_duckdb_has_an_answer(code):
    assert len(duckdb.sql(code).df())


@pytest.mark.parametrize(
    ("code", "language"), [pytest.param(code, lang, id=title) for title, lang, code in OF_TABLES]
)
def test_the_published_results_answer_too(code, language, of_paper, monkeypatch):
    monkeypatch.chdir(ROOT)
    folder = str(of_paper.folder.relative_to(ROOT))
    table_1 = "< 240" in code or "size == 128" in code
    for demo, paper in (PAPER | {"results/demo": folder}).items():
        code = code.replace(demo, paper)
    if table_1 and "10000" not in code.replace("< 10000", ""):
        code = code.replace("learning_rate == 0.1", "learning_rate == 0.01")
    if language == "sql":
        assert len(duckdb.sql(code).df())
    else:
        answer = ask(code, SETUP.replace("results/demo", folder))
        if isinstance(answer, pd.DataFrame | pd.Series):
            assert len(answer) and answer.notna().to_numpy().any()


def test_there_are_questions_of_both_kinds():
    assert len(QUESTIONS) >= 10
    assert len(SQL) >= 7


def test_the_smoothest_network_of_a_pair():
    runs = [run for run in all_runs(demo_study()) if run.pair == "4-9" and interpolates(run)]
    expected = min(runs, key=lambda run: value_of(run, "GPL", "exact"))
    (row,) = ask(titled(QUESTIONS, "The smoothest network")).to_dict("records")
    assert (row["regularizer"], row["lambda"], row["size"], row["seed"]) == (
        expected.regularizer, expected.lambda_, expected.size, expected.seed,
    )  # fmt: skip
    by_sql = duckdb.sql(titled(SQL, "The smoothest network")).df().set_index("pair")
    assert by_sql.loc["4-9", "value"] == row["value"]


def test_runs_that_do_not_interpolate():
    expected = sum(not interpolates(run) for run in all_runs(demo_study()))
    assert 0 < expected == len(ask(titled(QUESTIONS, "Every run that does not")))
    assert len(duckdb.sql(titled(SQL, "Every run that does not")).df()) == expected


def test_tau_from_the_measures_is_tau_of_the_table():
    table = ask(titled(QUESTIONS, "Kendall's τ of one pair")).set_index("seed")["tau"]
    assert ask(titled(QUESTIONS, "The same τ")).to_dict() == pytest.approx(table.to_dict())


def test_the_missing_run_is_found():
    (row,) = (
        duckdb.sql(titled(SQL, "The runs of the grid that are missing")).df().to_dict("records")
    )
    assert row == all_runs(demo_study())[0].coordinates


def test_a_folder_of_files_has_sizes_that_are_numbers():
    table = ask(titled(QUESTIONS, "A folder of files"))
    assert table["size"].dtype.kind == "i" and set(table["size"]) == {16, 32, 64, 128}
    of_pair = table[(table["pair"] == "0-1") & (table["measure"] == "GPL")]
    assert of_pair["size"].is_monotonic_increasing


def test_a_mean_over_networks_is_over_those_that_were_trained():
    by_size = ask(titled(QUESTIONS, "The mean of every measure by training set size"))
    assert by_size.to_numpy().max() < 1e3


def test_the_plot_along_a_segment_is_written():
    Path("segment.png").unlink(missing_ok=True)
    ask(titled(QUESTIONS, "Load a network and plot"))
    assert Path("segment.png").stat().st_size > 5000


@pytest.mark.tensorflow
def test_the_library_alone():
    shown = subprocess.run(
        [sys.executable, ROOT / "docs" / "library_alone.py"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    ).stdout.splitlines()
    rows = {line.split()[0]: re.findall(r" {3,}(\S+)", line) for line in shown[1:]}
    assert list(rows) == list(all_measures())
    for closed, autodiff, deeper in rows.values():
        assert closed != "–"
        assert autodiff == "–" or float(autodiff) == pytest.approx(float(closed), abs=0.002)
        assert (deeper == "–") == (autodiff == "–")
    assert [name for name, cells in rows.items() if "–" not in cells] == [
        "GN", "FPL", "GPL", "GC", "LG", "SH"
    ]  # fmt: skip
