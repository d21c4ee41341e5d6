"""`check_runs`: an edit is proved harmless by equal bits, and adopted; or it is refused."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from smoothcore.datasets import prepare
from smoothcore.errors import SettingsError
from smoothcore.files.paths import Layout
from smoothcore.files.records import about
from smoothcore.files.storage import read_parquet, write_parquet
from smoothcore.study.run import COORDINATES
from smoothcore.training.determining import processor
from smoothcore.workflow import check as check_module
from smoothcore.workflow.adoption import read_adopted
from smoothcore.workflow.check import (
    Comparison,
    adopt_code,
    choose,
    compare,
    finished_runs,
    n_of_other_code,
)
from smoothcore.workflow.publish import publish
from tests.workflow import RUNS, Workflow, copy_repository, study_of
from workflow_scripts import check_runs

pytestmark = pytest.mark.workflow

ROOT = Path(__file__).resolve().parents[1]
LOOP, STEP = "smoothcore/training/loop.py", "smoothcore/regularizers/fpl/sparse.py"


def renamed(text: str) -> str:
    return text.replace("steps_per_epoch", "steps_an_epoch")


def another_penalty(text: str) -> str:
    return text + "\n\nstep = fast(lambda parameters, work, m, rate, lambda_, grid_points: None)\n"


def test_the_code_of_another_checkout_is_not_checked(tmp_path):
    """With the interpreter of another checkout, the installed command would check that one."""
    for folder in ("smoothcore", "workflow_scripts"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "Snakefile", tmp_path)
    command = [sys.executable, "-P", "-m", "workflow_scripts.check_runs", "--folder", "results/x"]

    def said(path):
        done = subprocess.run(
            command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(path)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        return done.stderr

    assert f"the code that would be checked is {ROOT / 'smoothcore'}, not that of" in said(ROOT)
    assert "results/x" in said(tmp_path)  # it goes on to its table of runs, which is missing


def check(study: Workflow, *arguments: str, code: int) -> str:
    """Run check_runs of the study's repository; return what it printed."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "workflow_scripts.check_runs"),
            *("--folder", str(study.results), *arguments),
        ],
        cwd=study.repository, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.fixture
def edited(finished, tmp_path):
    """Return a copy of the finished study in a repository with edited files."""

    def edit(changes) -> Workflow:
        return finished.copy_to(
            tmp_path / "study", copy_repository(tmp_path / "repository", changes)
        )

    return edit


def test_a_harmless_edit_is_proved_and_adopted_where_one_says_so(edited):
    study = edited({LOOP: renamed})
    check(study, "--minutes", "0.01", code=0)
    assert not (study.results / "adopted.json").exists()
    said = check(study, "--adopt", code=0)
    assert said.count(": equal bits\n") == RUNS
    assert f"All {RUNS} have equal bits." in said
    assert {"train", "measure"}.isdisjoint(study.planned())


def test_an_edit_that_changes_bits_is_told_and_not_adopted(edited):
    study = edited({STEP: another_penalty})
    for run in study.runs:
        if run.regularizer == "GN":  # its code takes longest to compile
            study.layout.record(run).unlink()
    said = check(study, "--adopt", code=1)
    lines = [line for line in said.splitlines() if ": weights; " in line]
    assert len(lines) == 2
    assert all("FPL λ = 0.0001" in line for line in lines)
    assert f"2 of {RUNS - 2} runs differ. Nothing is adopted." in said
    assert not (study.results / "adopted.json").exists()


def test_published_runs_of_another_processor_differ(finished, tmp_path):
    """Their weights have other last bits; the records say on what they were trained."""
    study = Workflow(tmp_path / "study")
    publish(finished.results, study.results)

    def rewrite(name, **columns):
        path = study.results / name
        table = read_parquet(path).to_pandas().assign(**columns)
        schema = pq.read_schema(path)
        write_parquet(path, pa.Table.from_pandas(table, schema), about=about(path))

    values = read_parquet(study.results / "measures.parquet")["value"].to_pandas()
    rewrite("runs.parquet", processor="an abacus", weights_sha256="0" * 64)
    rewrite("measures.parquet", value=values * (1 + 1e-6))
    prepare("digits", study.layout.data("digits"))
    said = check(study, "--minutes", "0.01", code=1)
    assert "They were trained on another kind of processor (an abacus)" in said
    assert "Nothing is adopted." in said
    assert "standard deviations" not in said  # of one seed nobody knows any


def test_differences_are_said_in_standard_deviations(finished, monkeypatch, capsys):
    def compared(study, layout, measures, sample):
        for run, deviation in zip(finished.runs, (0.25, 0.5, float("nan")), strict=False):
            deviations = {"GN (sampled)": float("nan"), "GPL (exact)": 0.125}
            yield Comparison(run, "weights", deviations | {"WP (exact)": deviation}, {})

    monkeypatch.setattr(check_runs, "compare", compared)
    monkeypatch.setattr("smoothcore.workflow.check.processor", lambda: "an abacus")
    monkeypatch.setattr(sys, "argv", ["check_runs", "--folder", str(finished.results)])
    assert check_runs.main() == 1
    said = re.findall(r"(?:most|largest) (.*) standard deviations", capsys.readouterr().out)
    assert said == [
        "WP (exact), by 0.25", "WP (exact), by 0.5", "GPL (exact), by 0.12",
        "difference of a measure is 0.5",
    ]  # fmt: skip


def test_runs_of_other_settings_are_not_compared(finished):
    study = study_of(finished.config)
    training = study.training.model_copy(update={"epsilon": 1e-7})
    other = study.model_copy(update={"training": training})
    with pytest.raises(SettingsError, match=r"was made with epsilon = 1e-05, not 1e-07"):
        finished_runs(finished.layout, other, finished.runs)


@pytest.fixture
def measured_as(finished, monkeypatch):
    """Return the comparison with a run whose measures came out otherwise this time."""
    study = study_of(finished.config)
    records, stored = finished_runs(finished.layout, study, finished.runs)

    def compared(change, measures=stored, **record):
        def again(study, run, data, layout):
            of_run = (stored[list(COORDINATES)] == list(run.coordinates.values())).all(axis=1)
            return pd.Series({**records.iloc[0], **record}), change(stored[of_run].copy())

        monkeypatch.setattr(check_module, "_again", again)
        (found,) = compare(study, finished.layout, measures, records.iloc[:1])
        return found

    return compared, stored


def test_the_same_values_are_equal_and_so_is_their_code(measured_as):
    compared, stored = measured_as
    found = compared(lambda m: m.assign(code="new " + m["measure"]), code="new loop")
    of_run = stored[stored["pair"] == found.run.pair].drop_duplicates("measure")
    codes = {f"new {row['measure']}": row["code"] for row in of_run.to_dict("records")}
    assert not found.differs and len(codes) == 12
    assert found.code.keys() == codes.keys() | {"new loop"}
    assert found.code.items() >= codes.items()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("status", "diverged"), ("epochs", 1), ("steps", 1), ("running_loss", 0.5),
        ("training_loss", float("nan")), ("test_loss", 0.5), ("weights_sha256", "other"),
    ],
)  # fmt: skip
def test_a_record_that_differs_is_a_difference(measured_as, column, value):
    compared, _ = measured_as
    found = compared(lambda measures: measures, **{column: value})
    assert found.differs.startswith("weights" if column == "weights_sha256" else f"{column} ")
    assert not found.code


def test_an_estimator_that_finished_runs_lack_is_a_difference(measured_as):
    """Else it would be adopted, and never computed for them."""
    compared, _ = measured_as

    def gained(measures):
        more = measures[measures["measure"] == "RN"].assign(estimator="mean", code="new")
        return pd.concat([measures, more])

    found = compared(gained)
    assert "measured values, most RN (mean)" in found.differs and not found.code


def test_code_that_was_edited_while_the_sample_was_computed_is_not_adopted(finished, tmp_path):
    study = study_of(finished.config)
    records, measures = finished_runs(finished.layout, study, finished.runs)
    now = records["code"].iloc[0]
    equal = Comparison(finished.runs[0], "", {}, {"edited since": now})
    with pytest.raises(SettingsError, match="edited while the sample was computed"):
        adopt_code(Layout(tmp_path), study, records, measures, [equal])
    adopt_code(Layout(tmp_path), study, records, measures, [replace(equal, code={now: now})])


def test_differences_stand_beside_the_scatter_between_seeds(measured_as):
    compared, stored = measured_as
    # of two values that differ by a tenth the standard deviation is a tenth / √2 of the smaller
    other_seed = stored.assign(seed=1, value=1.1 * stored["value"])
    found = compared(lambda m: m.assign(value=1.01 * m["value"]), pd.concat([stored, other_seed]))
    of_wp = stored.query(
        "measure == 'WP' and main and regularizer == 'none' and pair == @found.run.pair"
    ).set_index("size")["value"]
    scatter = 0.1 / np.sqrt(2) * of_wp.mean()
    expected = 0.01 * of_wp[found.run.size] / scatter
    assert found.deviations["WP (exact)"] == pytest.approx(expected)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.assign(value=m["value"].where(m["measure"] != "GPL")),
        lambda m: m[m["measure"] != "GPL"],
        lambda m: m[~((m["measure"] == "GPL") & (m["estimator"] == "sampled"))],
        lambda m: m.assign(stderr=m["stderr"].where(m["measure"] != "GPL", 1.0)),
    ],
    ids=["NaN", "no measure", "no estimator", "stderr"],
)
def test_a_value_that_is_lost_or_moved_is_a_difference(measured_as, change):
    compared, _ = measured_as
    found = compared(change)
    assert found.differs and not found.code
    assert "measured values, most GPL" in found.differs


def test_runs_of_other_code_are_counted(finished, tmp_path):
    layout, study = Layout(tmp_path), study_of(finished.config)
    records, measures = finished_runs(finished.layout, study, finished.runs)
    now = records.loc[0, "code"]
    records.loc[0, "code"] = "other"
    assert n_of_other_code(layout, study, records, measures) == 1
    equal = Comparison(finished.runs[0], "", {}, {now: "other"})
    adopt_code(layout, study, records, measures, [equal])
    assert n_of_other_code(layout, study, records, measures) == 0
    edited = measures.assign(code=measures["code"].where(measures["measure"] != "WP", "edited"))
    assert n_of_other_code(layout, study, records, edited) == len(records)
    assert read_adopted(layout.root) == {"other": now}  # more runs are of the present code


def test_runs_of_this_processor_are_chosen_where_there_are_any():
    runs = pd.DataFrame(
        {
            "code": "c0de", "regularizer": "none", "size": [64, 64, 512, 512],
            "seconds": [1.0, 2.0, 30.0, 1.0],
            "processor": ["an abacus", processor(), processor(), "an abacus"],
        }
    )  # fmt: skip
    assert choose(runs, 60)["seconds"].tolist() == [2, 30]
    assert choose(runs, 10)["seconds"].tolist() == [2]
    assert choose(runs.assign(processor="an abacus"), 5)["seconds"].tolist() == [1, 1, 2]


def test_every_kind_of_run_is_in_the_sample_and_the_sample_in_its_time():
    runs = pd.DataFrame(
        {"code": "c0de", "regularizer": ["none", "none", "GN", "FPL"], "size": 64,
         "seconds": [1.0, 2.0, 8.0, 4.0], "processor": processor()}
    )  # fmt: skip
    assert choose(runs, 60)["seconds"].tolist() == [1, 4, 8, 2]
    assert choose(runs, 8)["seconds"].tolist() == [1, 4, 2]
    assert choose(runs, 0)["seconds"].tolist() == [1]
