"""How far a study is said to be: from records, checkpoints and logs, without starting anything."""

import os

import numpy as np
import pyarrow as pa
import pytest

from smoothcore.files import schemas
from smoothcore.files.paths import Layout
from smoothcore.files.storage import read_parquet, write_npz, write_parquet
from smoothcore.study.grid import all_runs
from smoothcore.workflow import costs, status
from smoothcore.workflow.costs import expected_seconds
from tests.synthetic_study import write_study
from tests.workflow import CONFIG, study_of

STUDY = study_of(CONFIG | {"optimality": None})
RUNS = all_runs(STUDY)
GN_ONLY = {
    **dict.fromkeys(("WP", "FPL", "GPL", "GPL-exact")),
    "GN": {"lambda": [1e-3], "learning_rate": 0.01},
}


@pytest.fixture
def layout(tmp_path):
    return Layout(tmp_path / "results" / "tiny")


def write_checkpoint(layout, run, seconds):
    write_npz(layout.checkpoint(run), {"seconds": np.array(seconds)})


def test_a_fresh_checkpoint_is_of_a_run_that_is_trained(layout):
    run = RUNS[0]
    expected = expected_seconds(run, STUDY)
    assert status.run_status(layout, STUDY, run) == status.RunStatus("waiting", "", 0.0, expected)
    write_checkpoint(layout, run, expected / 4)
    found = status.run_status(layout, STUDY, run)
    assert found == status.RunStatus("running", "", expected / 4, pytest.approx(3 * expected / 4))
    old = layout.checkpoint(run).stat().st_mtime - 1000
    os.utime(layout.checkpoint(run), (old, old))
    assert status.run_status(layout, STUDY, run).state == "interrupted"


def test_a_run_that_takes_longer_than_expected_is_never_about_to_end(layout):
    write_checkpoint(layout, RUNS[0], 1e6)
    left = status.run_status(layout, STUDY, RUNS[0]).left
    assert left == pytest.approx(expected_seconds(RUNS[0], STUDY) / 10)


def test_a_log_that_ends_with_an_error_is_of_a_run_that_failed(layout):
    log = layout.log("train", RUNS[0])
    log.parent.mkdir(parents=True)
    log.write_text("epoch 1\n")
    assert status.run_status(layout, STUDY, RUNS[0]).state == "waiting"
    log.write_text("epoch 1\nerror: the disk is full\n")
    assert status.run_status(layout, STUDY, RUNS[0]).state == "failed"
    write_checkpoint(layout, RUNS[0], 7.0)  # of before
    found = status.run_status(layout, STUDY, RUNS[0])
    assert (found.state, found.seconds) == ("failed", 7.0)


def test_a_run_that_could_not_be_measured_failed(layout):
    write_study(layout.root, STUDY, per_run=True, figures=False)
    layout.measured(RUNS[0]).unlink()
    assert status.run_status(layout, STUDY, RUNS[0]).state == "to measure"
    log = layout.log("measure", RUNS[0])
    log.parent.mkdir(parents=True)
    log.write_text("Traceback (most recent call last):\n")
    assert status.run_status(layout, STUDY, RUNS[0]).state == "failed"


def test_a_run_of_other_settings_is_still_to_be_trained(layout):
    write_study(layout.root, STUDY, per_run=True, figures=False)
    assert status.run_status(layout, STUDY, RUNS[0]).state == "done"
    training = STUDY.training.model_copy(update={"epsilon": 1e-7})
    other = STUDY.model_copy(update={"training": training})
    assert status.run_status(layout, other, RUNS[0]).state == "waiting"


def test_hours_left_are_corrected_by_what_finished_runs_took(layout, monkeypatch):
    """A finished run against the expectation: 100 s an image."""
    monkeypatch.setattr(status, "expected_seconds", lambda run, study: 100.0 * run.size)
    write_study(layout.root, STUDY, present=lambda run: run == RUNS[0], per_run=True, figures=False)
    done, *others = [100.0 * run.size for run in RUNS]
    table = status.table(STUDY, layout).set_index("experiment")
    assert table.loc["all", ["done", "waiting", "runs"]].tolist() == [1, 3, 4]
    assert table.loc["all", "spent"] == 0  # a fraction of a second
    assert table.loc["all", "not interpolating"] == 0
    left = sum(others) * costs.PRIOR_SECONDS / (done + costs.PRIOR_SECONDS) / 3600
    assert table.loc["all", "left"] == pytest.approx(left, abs=0.0051)
    assert left < 0.9 * sum(others) / 3600


def test_hours_spent_and_runs_that_do_not_interpolate(layout):
    """Two hours on one that does not, half an hour on one that does."""
    study = study_of({"dataset": "digits", "pairs": ["0-1", "3-4"], "monotonicity": None,
                      "optimality": {"size": 64, "regularizers": GN_ONLY}})  # fmt: skip
    penalized = {run.pair: run for run in all_runs(study) if run.regularizer == "GN"}
    write_study(layout.root, study, present=lambda run: run in penalized.values(), figures=False)
    path = layout.root / "runs.parquet"
    runs = read_parquet(path).to_pandas()
    assert dict(zip(runs["pair"], runs["status"], strict=True)) == {
        "0-1": "max_epochs", "3-4": "max_epochs",
    }  # fmt: skip
    runs["seconds"] = [7200.0, 1800.0]
    runs.loc[1, "status"] = "interpolated"
    write_parquet(path, pa.Table.from_pandas(runs, schema=schemas.RUNS, preserve_index=False))
    table = status.table(study, layout).set_index(["experiment", "regularizer"])
    columns = ["done", "waiting", "runs", "not interpolating", "spent"]
    assert table.loc[("optimality", "GN"), columns].tolist() == [2, 0, 2, 1, 2.5]
    assert table.loc[("optimality", "none"), columns].tolist() == [0, 2, 2, 0, 0]
    assert table.loc[("all", ""), columns].tolist() == [2, 2, 4, 1, 2.5]


def test_the_end_of_a_long_log_tells_that_a_run_failed(layout):
    log, epochs = layout.log("train", RUNS[0]), "epoch\n" * 100
    log.parent.mkdir(parents=True)
    log.write_text(f"{epochs}error: the disk is full\n")
    assert status.run_status(layout, STUDY, RUNS[0]).state == "failed"
    log.write_text(f"error: the disk is full\n{epochs}")  # of an attempt before
    assert status.run_status(layout, STUDY, RUNS[0]).state == "waiting"
