"""What a person sees while the workflow runs: runs done, running, failed, and the time left.

The time left is estimated from the cost of the jobs that remain, not from their number: a run of
10,000 images takes a thousand times as long as one of 64. What the finished training jobs took
corrects it, each by its weight.
"""

import contextlib
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TextIO

from smoothcore.readable import duration
from smoothcore.workflow.costs import slowness

_QUIET_SECONDS = 10.0
_HEARTBEAT_SECONDS = 60.0
_MOST_NAMED = 3
_MOST_CHANGES = 10

#: a job that has taken longer than expected is taken to need this share of its time once more
_OVERTIME = 0.2


class Job(NamedTuple):
    """One job of the workflow.

    Attributes:
        id: Snakemake's number.
        rule: what it does.
        run: the network it works on, in words; None if it is about all of them.
        seconds: expected cost.
        trains: whether it trains that network.
        is_done: asks Snakemake whether it is done; with ``--quiet`` no event tells.
    """

    id: int
    rule: str
    run: str | None
    seconds: float
    trains: bool = False
    is_done: Callable[[], bool] = lambda: False


@dataclass
class Tally:
    """Which jobs are done, running or failed, and what follows for the time left.

    Attributes:
        jobs: all jobs that have to run, by id.
        started: when each running job started, in seconds.
        finished: how long each finished job took, in seconds.
        failed: ids of the jobs that failed.
        most_running: the largest number of jobs seen running at once.
    """

    jobs: dict[int, Job]
    started: dict[int, float] = field(default_factory=dict)
    finished: dict[int, float] = field(default_factory=dict)
    failed: set[int] = field(default_factory=set)
    most_running: int = 1

    def start(self, job_id: int, now: float) -> None:
        """Note that a job runs (again), if it is one of them."""
        if job_id not in self.jobs:
            return
        self.failed.discard(job_id)
        self.started[job_id] = now
        self.most_running = max(self.most_running, len(self.started))

    def finish(self, job_id: int, now: float) -> None:
        """Note that a job is done; a second time changes nothing."""
        if job_id in self.jobs and job_id not in self.finished:
            self.finished[job_id] = now - self.started.pop(job_id, now)

    def fail(self, job_id: int) -> None:
        """Note that a job failed."""
        self.started.pop(job_id, None)
        if job_id in self.jobs:
            self.failed.add(job_id)

    def runs(self) -> tuple[int, int]:
        """Return how many runs have no job left, and how many they are."""
        runs = {job.run for job in self.jobs.values() if job.run}
        open_ = {job.run for job in self.jobs.values() if job.run and job.id not in self.finished}
        return len(runs - open_), len(runs)

    def slowness(self) -> float:
        """Return by how much training is slower than expected, by the finished training jobs."""
        training = {job.id: job.seconds for job in self.jobs.values() if job.trains}
        done = training.keys() & self.finished.keys()
        real, expected = (sum(of[i] for i in done) for of in (self.finished, training))
        return slowness(real, expected, sum(training.values()))

    def seconds_left(self, now: float) -> float:
        """Return the expected time until the last job is done, failed ones left aside."""
        slower, left = self.slowness(), []
        for job in self.jobs.values():
            if job.id not in self.finished and job.id not in self.failed:
                elapsed = now - self.started.get(job.id, now)
                left.append(max(slower * job.seconds - elapsed, _OVERTIME * elapsed))
        return max(sum(left) / self.most_running, max(left, default=0.0))


class RunProgress(logging.Handler):
    """Listens to Snakemake's events and says, in a line or two, how far the grid is.

    Whatever goes wrong here never ends the workflow.

    Args:
        jobs: returns the jobs that have to run; asked once, when Snakemake has decided.
        changes: returns in words what makes finished runs stale; asked at the same time.
        refusal: returns why the same start is refused where it is no dry run, or nothing; asked of
            a dry run.
        dry_run: whether nothing is run; then only the cost is said.
        submits: whether jobs go to a cluster, where they may wait for their turn.
        interrupted: whether a person stopped it; what was running is then not spoken of.
        afterwards: returns in words what is left to do once all is done, or nothing.
        stream: where to write.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        jobs: Callable[[], Iterable[Job]],
        *,
        changes: Callable[[], Iterable[str]] = tuple,
        refusal: Callable[[], str] = str,
        dry_run: Callable[[], bool] = lambda: False,
        submits: Callable[[], bool] = lambda: False,
        interrupted: Callable[[], bool] = lambda: False,
        afterwards: Callable[[], str] = str,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._jobs, self._changes, self._refusal = jobs, changes, refusal
        self._dry_run, self._interrupted, self._clock = dry_run, interrupted, clock
        self._submits, self._afterwards = submits, afterwards
        self._stream = stream or sys.stderr
        self._tally: Tally | None = None
        self._changed: list[str] = []
        self._refused = ""
        self._logs: dict[int, Path] = {}
        self._told_at = -1e9
        # not _closed: logging.Handler.close() sets an attribute of that name
        self._over = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        """Take notice of one event."""
        try:
            self._notice(str(getattr(record, "event", "") or ""), record.__dict__)
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Say how it ended."""
        with self.lock or contextlib.nullcontext(), contextlib.suppress(Exception):
            if self._tally is not None and self._interrupted():
                self._tally.started.clear()
            if self._tally is not None and self._dry_run():
                hours = sum(job.seconds for job in self._tally.jobs.values()) / 3600
                runs = _runs(self._tally.runs()[1])
                self._say(f"{runs} would be computed, about {_core_time(hours)}")
                self._say_changes()
                if self._refused:
                    self._say(f"This start would be refused: {self._refused}")
            elif self._tally is not None and self._tally.started | self._tally.finished:
                self._tell(at_once=True)
                if said := self._afterwards():
                    self._say(said)
        self._tally = None
        self._over.set()
        super().close()

    def _notice(self, event: str, about: Mapping) -> None:
        tally = self._tally
        if event == "run_info":
            self._begin()
        elif tally is None or self._dry_run():
            return
        elif event == "job_info":
            _notice_finished(tally, self._clock())
            tally.start(about["jobid"], self._clock())
            self._logs[about["jobid"]] = Path(next(iter(about.get("log") or []), ""))
        elif event == "job_finished":
            tally.finish(about["job_id"], self._clock())
            self._tell()
        elif event == "job_error":
            self._fail(tally, about)
        elif event == "group_error":
            for job in about["job_error_info"]:
                self._fail(tally, job)

    def _begin(self) -> None:
        if self._tally is not None:  # Snakemake repeats its summary at the end of a dry run
            return
        self._tally = Tally({job.id: job for job in self._jobs()})
        runs = self._tally.runs()[1]
        self._changed = list(self._changes())
        if self._dry_run():
            self._refused = self._refusal()
        elif runs:
            self._say(f"{_runs(runs)} to compute")
            self._say_changes()
            threading.Thread(target=self._beat, daemon=True).start()

    def _say_changes(self) -> None:
        for line in self._changed[:_MOST_CHANGES]:
            self._say(f"  changed: {line}")
        if len(self._changed) > _MOST_CHANGES:
            self._say(f"  and {len(self._changed) - _MOST_CHANGES} other changes")

    def _beat(self) -> None:
        while not self._over.wait(_HEARTBEAT_SECONDS):
            with self.lock or contextlib.nullcontext(), contextlib.suppress(Exception):
                self._tell(heartbeat=True)

    def _fail(self, tally: Tally, job: Mapping) -> None:
        tally.fail(job["jobid"])
        log = ", ".join(map(str, job.get("log") or [])) or "no log"
        run = getattr(tally.jobs.get(job["jobid"]), "run", None)
        self._say(f"FAILED: {job['rule_name']}{f' of {run}' if run else ''}; see {log}")

    def _tell(self, *, at_once: bool = False, heartbeat: bool = False) -> None:
        now, tally = self._clock(), self._tally
        if tally is None or (now - self._told_at < _QUIET_SECONDS and not at_once):
            return
        self._told_at = now
        _notice_finished(tally, now)
        done, runs = tally.runs()
        parts = [f"{done} of {_runs(runs)} done"] if runs else []
        if tally.started:
            # of a submitted group the jobs of one run wait for each other
            running = {tally.jobs[i].run or i for i in tally.started}
            state = "submitted" if self._submits() else "running"
            parts.append(f"{len(running)} {state} ({_running(tally)})")
        failed = [tally.jobs[i] for i in tally.failed]
        if runs_failed := {job.run for job in failed if job.run}:
            parts.append(f"{len(runs_failed)} failed")
        parts += [f"{job.rule} failed" for job in failed if not job.run]
        if tally.started and len(tally.finished) < len(tally.jobs):
            parts.append(f"about {duration(tally.seconds_left(now))} left")
        if parts:
            self._say(", ".join(parts))
        if heartbeat and tally.started:
            self._say(f"  {self._longest(tally, now)}")

    def _longest(self, tally: Tally, now: float) -> str:
        """Tell of the job that has been running longest what its log says, and where it lies."""
        job_id = min(tally.started, key=tally.started.__getitem__)
        log = self._logs.get(job_id, Path())
        for_long = f"the first for {duration(now - tally.started[job_id])}"
        said = "".join(log_lines(log)[-1:]).strip()
        return f"{for_long}{f': {said}' if said else ''}{f'; log: {log}' if log.name else ''}"

    def _say(self, text: str) -> None:
        """Write a line; a terminal that was closed stops nothing."""
        with contextlib.suppress(OSError, ValueError):
            print(time.strftime("[%H:%M:%S]"), text, file=self._stream, flush=True)


def _notice_finished(tally: Tally, now: float) -> None:
    for job_id in list(tally.started):
        if tally.jobs[job_id].is_done():
            tally.finish(job_id, now)


def _running(tally: Tally) -> str:
    """Name what has been running longest."""
    ids = sorted(tally.started, key=tally.started.__getitem__)
    named = list(dict.fromkeys(tally.jobs[i].run or tally.jobs[i].rule for i in ids))
    return "; ".join(named[:_MOST_NAMED]) + ("; …" if len(named) > _MOST_NAMED else "")


def log_lines(log: Path) -> list[str]:
    """Return the lines of a log, which may be growing; none if it cannot be read."""
    try:
        return log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"


def _core_time(hours: float) -> str:
    return f"{hours:,.1f} core hours" if hours >= 1 else f"{60 * hours:,.0f} core minutes"
