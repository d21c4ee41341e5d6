"""How far a study is, read from what is there; nothing is started."""

import re
import time
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from smoothcore.errors import DamagedFileError
from smoothcore.files.paths import Layout
from smoothcore.files.storage import read_npz, read_parquet
from smoothcore.study.config import Study
from smoothcore.study.grid import all_runs, to_table
from smoothcore.study.run import INTERPOLATED, Run
from smoothcore.workflow.collecting import record_of, search_so_far
from smoothcore.workflow.costs import expected_seconds, slowness
from smoothcore.workflow.progress import log_lines
from smoothcore.workflow.published import published_tables

STATES = DONE, TRAINED, RUNNING, STARTED, FAILED, WAITING = (
    "done", "to measure", "running", "interrupted", "failed", "waiting"
)  # fmt: skip

#: a checkpoint younger than this belongs to a run that is being trained
_ALIVE_SECONDS = 360


@dataclass(frozen=True)
class RunStatus:
    """Where one run stands.

    Attributes:
        state: one of `STATES`.
        status: how it ended; empty while it has not.
        seconds: core seconds spent so far.
        left: core seconds it is expected to need still, before correction.
    """

    state: str
    status: str
    seconds: float
    left: float


def run_status(layout: Layout, study: Study, run: Run) -> RunStatus:
    """Return where a run stands, from its record, its checkpoint and its logs."""
    expected = expected_seconds(run, study)
    record = record_of(study, layout, run)
    if record is None:
        return _unfinished(layout, run, expected)
    if layout.measured(run).exists():
        state = DONE
    else:
        state = FAILED if _log_says_error(layout.log("measure", run)) else TRAINED
    return RunStatus(state, record["status"], record["seconds"], 0.0)


def _unfinished(layout: Layout, run: Run, expected: float) -> RunStatus:
    checkpoint = layout.checkpoint(run)
    try:
        seconds = float(read_npz(checkpoint, "seconds")["seconds"])
        age = time.time() - checkpoint.stat().st_mtime
    except (DamagedFileError, OSError):
        seconds, state = 0.0, WAITING
    else:
        state = RUNNING if age < _ALIVE_SECONDS else STARTED
    if _log_says_error(layout.log("train", run)):
        state = FAILED
    return RunStatus(state, "", seconds, max(expected - seconds, 0.1 * expected))


def _log_says_error(path: Path) -> bool:
    return any(re.match(r"error: |Traceback", line) for line in log_lines(path)[-40:])


def table(study: Study, layout: Layout) -> pd.DataFrame:
    """Return one row per experiment and regularizer, and one for all.

    Returns:
        ``experiment``, ``regularizer``, the number of runs in each of `STATES`, ``runs`` in all,
        ``not_interpolating`` of those done, core hours ``spent`` and ``left``. What is left is
        expected, corrected by what the finished runs of a regularizer took. A run of both
        experiments counts in both rows, and once in all.
    """
    published, search = _published(layout), search_so_far(study, layout)
    found = pd.DataFrame(
        [
            {
                **vars(published.get(run) or run_status(layout, study, run)),
                "expected": expected_seconds(run, study),
            }
            for run in all_runs(study, search)
        ]
    )
    found = pd.concat([to_table(study, search), found], axis=1)
    for _, of in found.groupby("regularizer"):
        done = of.loc[of["state"].isin((DONE, TRAINED)), ["seconds", "expected"]].sum()
        found.loc[of.index, "left"] *= slowness(
            done["seconds"], done["expected"], of["expected"].sum()
        )
    rows = [
        _row(experiment, regularizer, of)
        for experiment in ("monotonicity", "optimality")
        for regularizer, of in found[found[experiment]].groupby("regularizer", sort=False)
    ]
    return pd.DataFrame([*rows, _row("all", "", found)])


def _published(layout: Layout) -> dict[Run, RunStatus]:
    """Return the runs of published tables that were not restored to files yet."""
    tables = published_tables(layout.root)
    rows = read_parquet(tables / "runs.parquet").to_pylist() if tables else []
    return {
        Run.from_coordinates(row): RunStatus(DONE, row["status"], row["seconds"], 0.0)
        for row in rows
    }


def _row(experiment: str, regularizer: str, of: pd.DataFrame) -> dict[str, object]:
    done = of[of["state"].isin((DONE, TRAINED))]
    return {
        "experiment": experiment,
        "regularizer": regularizer,
        **{state: int((of["state"] == state).sum()) for state in STATES},
        "runs": len(of),
        "not interpolating": int((done["status"] != INTERPOLATED).sum()),
        "spent": round(of["seconds"].sum() / 3600, 2),
        "left": round(of["left"].sum() / 3600, 2),
    }
