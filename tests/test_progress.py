"""What the progress line says, and that nothing that goes wrong there ends a workflow."""

import errno
import io
import logging
import os
import pty
import subprocess
import threading

import pytest

from smoothcore.workflow import progress
from smoothcore.workflow.progress import Job, RunProgress, Tally
from tests.workflow import Workflow

SMALL, LARGE = "pair 4-9, size 64", "pair 4-9, size 8192"
JOBS = [
    Job(1, "train", SMALL, 10.0, trains=True),
    Job(2, "measure", SMALL, 1.0),
    Job(3, "train", LARGE, 1000.0, trains=True),
    Job(4, "measure", LARGE, 1.0),
    Job(5, "collect", None, 1.0),
]


def tally(jobs=JOBS):
    return Tally({job.id: job for job in jobs})


def event(handler, name, **fields):
    handler.handle(logging.makeLogRecord({"event": name, **fields}))


def told(jobs=JOBS, **options):
    """Return a handler that was told which jobs there are, and what it writes to."""
    out = io.StringIO()
    handler = RunProgress(lambda: jobs, **{"stream": out, **options})
    event(handler, "run_info")
    return handler, out


def test_jobs_of_another_workflow_count_for_nothing():
    t = tally()
    for job_id in (98, 99):
        t.start(job_id, 0.0)
    t.finish(98, 1.0)
    t.fail(99)
    assert not t.started and not t.finished and not t.failed


@pytest.mark.parametrize("state", ["running", "submitted"])
def test_jobs_of_one_run_that_were_submitted_together_are_one_run(state):
    handler, out = told(submits=lambda: state == "submitted", clock=lambda: 0.0)
    for job_id in (1, 2):
        event(handler, "job_info", jobid=job_id)
    handler.close()
    assert f"0 of 2 runs done, 1 {state} ({SMALL})" in out.getvalue()


def test_a_run_is_done_when_its_last_job_is():
    t = tally()
    assert t.runs() == (0, 2)
    t.start(1, 0.0)
    t.finish(1, 10.0)
    assert t.runs() == (0, 2)
    t.start(2, 10.0)
    t.finish(2, 11.0)
    assert t.runs() == (1, 2)


def test_the_time_left_is_that_of_the_remaining_cost():
    t = tally()
    assert t.seconds_left(0.0) == pytest.approx(1013)
    t.start(1, 0.0)
    t.finish(1, 20.0)
    # half of the 1,010 s of training count as done as expected
    slowness = (20 + 505) / (10 + 505)
    assert t.seconds_left(20.0) == pytest.approx(slowness * 1003)
    t.start(3, 20.0)
    assert t.seconds_left(520.0) == pytest.approx(slowness * 1003 - 500)


def test_one_short_job_on_a_busy_machine_does_not_turn_minutes_into_hours():
    """Two cores, 40 minutes of work; the first job, of 3 s, has taken 200 s."""
    runs = [Job(i, "train", f"size {i}", 3.0 if i < 9 else 120.0, trains=True) for i in range(29)]
    t = tally(runs)
    t.start(0, 0.0)
    t.start(1, 0.0)
    t.finish(0, 200.0)
    assert t.slowness() == pytest.approx(800 / 603)
    assert 20 * 60 < t.seconds_left(200.0) < 30 * 60


def test_what_has_taken_long_says_more_than_what_was_expected():
    runs = [Job(i, "train", f"seed {i}", 3600.0, trains=True) for i in range(10)]
    t = tally(runs)
    for i in range(5):
        t.start(i, 0.0)
        t.finish(i, 3 * 3600.0)  # three times as slow, five times
    assert t.slowness() == pytest.approx(3, rel=0.1)


def test_only_training_tells_how_slow_training_is():
    t = tally()
    t.start(2, 0.0)
    t.finish(2, 100.0)  # a measuring job, a hundred times as slow as expected
    assert t.slowness() == 1


def test_a_job_that_takes_longer_than_expected_is_not_about_to_end():
    t = tally([Job(1, "train", SMALL, 10.0, trains=True)])
    t.start(1, 0.0)
    assert t.seconds_left(100.0) == pytest.approx(20)


def test_two_at_a_time_halve_it_but_the_longest_job_bounds_it():
    t = tally()
    t.start(1, 0.0)
    t.start(3, 0.0)
    assert t.most_running == 2
    assert t.seconds_left(0.0) == pytest.approx(1000)


def test_a_failed_job_is_not_waited_for():
    t = tally()
    t.start(3, 0.0)
    t.fail(3)
    assert t.seconds_left(0.0) == pytest.approx(13)
    t.start(3, 5.0)  # a retry
    assert not t.failed


def test_what_is_said():
    now = [0.0]
    handler, out = told(clock=lambda: now[0])
    event(handler, "job_info", jobid=1)
    event(handler, "job_info", jobid=3)
    now[0] = 20.0
    event(handler, "job_finished", job_id=1)
    event(handler, "job_error", jobid=3, rule_name="train", log=["train.log"])
    handler.close()
    said = out.getvalue().splitlines()
    assert said[0].endswith("2 runs to compute")
    assert said[1].endswith(f"0 of 2 runs done, 1 running ({LARGE}), about 17 min left")
    assert said[2].endswith(f"FAILED: train of {LARGE}; see train.log")
    assert said[3].endswith("0 of 2 runs done, 1 failed")


def test_while_a_long_run_trains_it_says_what_its_log_says(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "_HEARTBEAT_SECONDS", 0.01)
    log, now, said = tmp_path / "train.log", [0.0], threading.Event()
    log.write_text("pair 4-9\nepoch 3021  loss 3.2e-05  = 3.2 ε\n", encoding="utf-8")
    handler, out = told(clock=lambda: now[0])
    monkeypatch.setattr(out, "flush", lambda: said.set() if "12 min" in out.getvalue() else None)
    event(handler, "job_info", jobid=3, log=[str(log)])
    now[0] = 720.0
    assert said.wait(10)
    handler.close()
    lines = [line.partition("] ")[2] for line in out.getvalue().splitlines()]
    assert f"0 of 2 runs done, 1 running ({LARGE}), about 4.9 min left" in lines
    assert f"  the first for 12 min: epoch 3021  loss 3.2e-05  = 3.2 ε; log: {log}" in lines


def test_without_events_of_finished_jobs_snakemake_is_asked():
    """With --quiet it does not tell."""
    done = set()
    jobs = [job._replace(is_done=lambda job=job: job.id in done) for job in JOBS[:4]]
    handler, out = told(jobs)
    for job in jobs:
        event(handler, "job_info", jobid=job.id)
        done.add(job.id)
    handler.close()
    assert out.getvalue().endswith("2 of 2 runs done\n")


@pytest.fixture
def two_runs(empty) -> Workflow:
    """A study of two runs that end at once."""
    empty.config["training"]["max_epochs"] = 2
    empty.config |= {"pairs": ["0-1"], "optimality": None}
    empty.write()
    return empty


@pytest.mark.workflow
def test_a_quiet_study_ends_with_all_of_its_runs_done(two_runs):
    said = two_runs.snakemake("--quiet", "--until", "measure")
    assert said.rstrip().endswith("2 of 2 runs done"), said


def test_a_dry_run_says_what_it_would_cost():
    handler, out = told(dry_run=lambda: True)
    event(handler, "job_info", jobid=1)
    handler.close()
    assert out.getvalue().endswith("2 runs would be computed, about 17 core minutes\n")
    assert out.getvalue().count("\n") == 1


def test_it_can_be_closed_twice():
    """Snakemake closes it, and so does the logging module when the interpreter ends."""
    handler = RunProgress(lambda: [])
    handler.close()
    handler.close()


class Closed(io.StringIO):
    """A terminal that was closed."""

    def write(self, text):
        raise OSError(errno.EIO, "Input/output error")


@pytest.mark.parametrize("stream", [Closed(), io.StringIO()], ids=["terminal", "file"])
def test_a_stream_that_is_closed_ends_nothing(stream):
    if type(stream) is io.StringIO:
        stream.close()  # ValueError: I/O operation on closed file
    handler, _ = told(stream=stream)
    for job in JOBS:
        event(handler, "job_info", jobid=job.id)
        event(handler, "job_finished", job_id=job.id)
    assert handler._tally.runs() == (2, 2)
    handler.close()


@pytest.mark.workflow
def test_a_study_goes_on_when_its_terminal_is_closed(two_runs):
    mine, its = pty.openpty()
    process = subprocess.Popen(
        two_runs.command("--until", "train"), stdout=its, stderr=its, start_new_session=True
    )
    os.close(its)
    said = b""
    while b"runs to compute" not in said:
        said += os.read(mine, 1000)
    os.close(mine)
    assert process.wait(timeout=300) == 0
    assert all(two_runs.layout.weights(run).exists() for run in two_runs.runs)


def test_a_fault_of_its_own_ends_nothing(capsys):
    handler = RunProgress(lambda: 1 / 0, stream=io.StringIO())
    event(handler, "run_info")
    event(handler, "job_info", jobid=1)
    handler.close()
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_of_several_jobs_the_one_that_runs_longest_is_spoken_of():
    now = [0.0]
    handler, out = told(clock=lambda: now[0])
    event(handler, "job_info", jobid=3)
    now[0] = 60.0
    event(handler, "job_info", jobid=1)
    now[0] = 720.0
    handler._tell(heartbeat=True)
    assert f"2 running ({LARGE}; {SMALL})" in out.getvalue()
    assert "  the first for 12 min" in out.getvalue()


def test_what_was_running_when_it_was_interrupted_is_not_spoken_of():
    handler, out = told(interrupted=lambda: True, clock=lambda: 0.0)
    for job_id in (1, 2, 3):
        event(handler, "job_info", jobid=job_id)
    event(handler, "job_finished", job_id=1)
    event(handler, "job_finished", job_id=2)
    handler.close()
    assert out.getvalue().endswith("] 1 of 2 runs done\n")


def test_every_job_of_a_group_that_failed_is_named():
    handler, out = told(clock=lambda: 0.0)
    jobs = [{"jobid": i, "rule_name": "train", "log": []} for i in (1, 3)]
    event(handler, "group_error", job_error_info=jobs)
    assert f"train of {SMALL}" in out.getvalue() and f"train of {LARGE}" in out.getvalue()


def test_many_changes_are_cut_short_and_hours_are_hours():
    changes = [f"change {k}" for k in range(12)]
    jobs = [JOBS[0]._replace(seconds=7200.0)]
    handler, out = told(jobs, changes=lambda: changes, dry_run=lambda: True)
    handler.close()
    assert "1 run would be computed, about 2.0 core hours\n" in out.getvalue()
    assert "change 9\n" in out.getvalue() and "change 10" not in out.getvalue()
    assert out.getvalue().endswith("  and 2 other changes\n")
