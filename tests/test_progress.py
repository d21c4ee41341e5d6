import io
import logging

import pytest

from workflow_scripts.cell_progress import CellProgress, Job, Tally, _duration

JOBS = [
    Job(1, "train", "pair 4-9, size 64", 10.0),
    Job(2, "measure", "pair 4-9, size 64", 1.0),
    Job(3, "train", "pair 4-9, size 8192", 1000.0),
    Job(4, "measure", "pair 4-9, size 8192", 1.0),
    Job(5, "collect", None, 1.0),
]


def tally():
    return Tally({job.id: job for job in JOBS})


def test_a_cell_is_done_when_its_last_job_is():
    t = tally()
    assert t.cells() == (0, 2)
    t.start(1, 0.0)
    t.finish(1, 10.0)
    assert t.cells() == (0, 2)
    t.start(2, 10.0)
    t.finish(2, 11.0)
    assert t.cells() == (1, 2)


def test_the_time_left_is_that_of_the_remaining_cost():
    t = tally()
    assert t.seconds_left(0.0) == pytest.approx(1013)
    t.start(1, 0.0)
    t.finish(1, 20.0)  # twice as slow as expected, so the rest will be too
    assert t.seconds_left(20.0) == pytest.approx(2 * 1003)
    t.start(3, 20.0)
    assert t.seconds_left(520.0) == pytest.approx(2 * 1003 - 500)


def test_two_lanes_halve_it_but_the_longest_job_bounds_it():
    t = tally()
    t.start(1, 0.0)
    t.start(3, 0.0)
    assert t.lanes == 2
    assert t.seconds_left(0.0) == pytest.approx(1000)


def test_a_failed_job_is_not_waited_for():
    t = tally()
    t.start(3, 0.0)
    t.fail(3)
    assert t.seconds_left(0.0) == pytest.approx(13)
    t.start(3, 5.0)  # a retry
    assert not t.failed


@pytest.mark.parametrize(
    ("seconds", "text"), [(5, "5 s"), (600, "10 min"), (7200, "2.0 h"), (260000, "3.0 days")]
)
def test_durations_read_well(seconds, text):
    assert _duration(seconds) == text


def event(handler, name, **fields):
    record = logging.LogRecord("x", logging.INFO, "", 0, None, (), None)
    record.__dict__.update(fields, event=name)
    handler.emit(record)


def test_what_is_said():
    out, now = io.StringIO(), [0.0]
    handler = CellProgress(lambda: JOBS, stream=out, clock=lambda: now[0])
    event(handler, "run_info")
    event(handler, "job_info", jobid=1)
    event(handler, "job_info", jobid=3)
    now[0] = 20.0
    event(handler, "job_finished", job_id=1)
    event(handler, "job_error", jobid=3, rule_name="train", log=["train.log"])
    handler.close()
    said = out.getvalue().splitlines()
    assert said[0].endswith("2 cells to compute")
    assert said[1].endswith("0 of 2 cells done, 1 running (pair 4-9, size 8192), about 33 min left")
    assert said[2].endswith("FAILED: train of pair 4-9, size 8192; see train.log")
    assert said[3].endswith("0 of 2 cells done, 1 failed")


def test_a_dry_run_says_what_it_would_cost():
    out = io.StringIO()
    handler = CellProgress(lambda: JOBS, dry_run=lambda: True, stream=out)
    event(handler, "run_info")
    event(handler, "job_info", jobid=1)
    handler.close()
    assert out.getvalue().endswith("2 cells would be computed, about 17 core minutes\n")
    assert out.getvalue().count("\n") == 1


def test_it_can_be_closed_twice():
    """Snakemake closes it, and so does the logging module when the interpreter ends."""
    progress = CellProgress(lambda: [])
    progress.close()
    progress.close()
