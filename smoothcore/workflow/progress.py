"""What a person sees while the workflow runs: cells done, running, failed, and the time left.

The time left is estimated from the cost of the jobs that remain, not from their number: a cell of
10,000 images takes a thousand times as long as one of 64. Expected costs are corrected by what the
finished jobs really took.
"""

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TextIO

_QUIET_SECONDS = 10.0
_HEARTBEAT_SECONDS = 60.0
_MOST_NAMED = 3


class Job(NamedTuple):
    """One job of the workflow: what it makes, for which cell, at what expected cost in seconds."""

    id: int
    rule: str
    cell: str | None
    seconds: float


@dataclass
class Tally:
    """Which jobs are done, running or failed, and what follows for the time left.

    Attributes:
        jobs: all jobs that have to run, by id.
        started: when each running job started, in seconds.
        finished: how long each finished job took, in seconds.
        failed: ids of the jobs that failed.
        lanes: the largest number of jobs seen running at once.
    """

    jobs: dict[int, Job]
    started: dict[int, float] = field(default_factory=dict)
    finished: dict[int, float] = field(default_factory=dict)
    failed: set[int] = field(default_factory=set)
    lanes: int = 1

    def start(self, job_id: int, now: float) -> None:
        """Note that a job runs (again)."""
        self.failed.discard(job_id)
        self.started[job_id] = now
        self.lanes = max(self.lanes, len(self.started))

    def finish(self, job_id: int, now: float) -> None:
        """Note that a job is done."""
        self.finished[job_id] = now - self.started.pop(job_id, now)

    def fail(self, job_id: int) -> None:
        """Note that a job failed."""
        self.started.pop(job_id, None)
        self.failed.add(job_id)

    def cells(self) -> tuple[int, int]:
        """Return how many cells have no job left, and how many there are."""
        cells = {job.cell for job in self.jobs.values() if job.cell}
        open_ = {job.cell for job in self.jobs.values() if job.cell and job.id not in self.finished}
        return len(cells - open_), len(cells)

    def speed(self) -> float:
        """Return real over expected seconds of the finished jobs; 1 before the first."""
        expected = sum(self.jobs[i].seconds for i in self.finished if i in self.jobs)
        return sum(self.finished.values()) / expected if expected else 1.0

    def seconds_left(self, now: float) -> float:
        """Return the expected time until the last job is done, failed ones left aside."""
        left = [
            max(0.0, self.speed() * job.seconds - (now - self.started.get(job.id, now)))
            for job in self.jobs.values()
            if job.id not in self.finished and job.id not in self.failed
        ]
        return max(sum(left) / self.lanes, max(left, default=0.0))


class RunProgress(logging.Handler):
    """Listens to Snakemake's events and says, in one line, how far the grid is.

    Args:
        jobs: returns the jobs that have to run; asked once, when Snakemake has decided.
        dry_run: whether nothing is run; then only the cost is said.
        stream: where to write.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        jobs: Callable[[], Iterable[Job]],
        *,
        dry_run: Callable[[], bool] = lambda: False,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._jobs, self._dry_run, self._clock = jobs, dry_run, clock
        self._stream = stream or sys.stderr
        self._tally: Tally | None = None
        self._told_at = -1e9
        # not _closed: logging.Handler.close() sets an attribute of that name
        self._over = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        """Take notice of one event."""
        event = str(getattr(record, "event", "") or "")
        if event == "run_info":
            self._begin()
        elif self._tally is None:
            return
        elif event == "job_info" and not self._dry_run():
            self._tally.start(record.jobid, self._clock())
        elif event == "job_finished":
            self._tally.finish(record.job_id, self._clock())
            self._tell()
        elif event == "job_error":
            self._fail(record.__dict__)
        elif event == "group_error":
            for job in record.job_error_info:
                self._fail(job)

    def close(self) -> None:
        """Say how it ended."""
        if self._tally is not None and self._dry_run():
            hours = sum(job.seconds for job in self._tally.jobs.values()) / 3600
            cells = _cells(self._tally.cells()[1])
            self._say(f"{cells} would be computed, about {_core_time(hours)}")
        elif self._tally is not None and self._tally.started | self._tally.finished:
            self._tell(at_once=True)
        self._tally = None
        self._over.set()
        super().close()

    def _begin(self) -> None:
        if self._tally is not None:  # Snakemake repeats its summary at the end of a dry run
            return
        self._tally = Tally({job.id: job for job in self._jobs()})
        cells = self._tally.cells()[1]
        if cells and not self._dry_run():
            self._say(f"{_cells(cells)} to compute")
            threading.Thread(target=self._beat, daemon=True).start()

    def _beat(self) -> None:
        while not self._over.wait(_HEARTBEAT_SECONDS):
            self._tell()

    def _fail(self, job: Mapping) -> None:
        self._tally.fail(job["jobid"])
        log = ", ".join(map(str, job.get("log") or [])) or "no log"
        cell = getattr(self._tally.jobs.get(job["jobid"]), "cell", None)
        self._say(f"FAILED: {job['rule_name']}{f' of {cell}' if cell else ''}; see {log}")

    def _tell(self, at_once: bool = False) -> None:
        now, tally = self._clock(), self._tally
        if tally is None or (now - self._told_at < _QUIET_SECONDS and not at_once):
            return
        self._told_at = now
        done, cells = tally.cells()
        parts = [f"{done} of {_cells(cells)} done"] if cells else []
        if tally.started:
            parts.append(f"{len(tally.started)} running ({self._running()})")
        failed = [tally.jobs[i] for i in tally.failed if i in tally.jobs]
        if cells_failed := {job.cell for job in failed if job.cell}:
            parts.append(f"{len(cells_failed)} failed")
        parts += [f"{job.rule} failed" for job in failed if not job.cell]
        if tally.started and len(tally.finished) < len(tally.jobs):
            parts.append(f"about {_duration(tally.seconds_left(now))} left")
        if parts:
            self._say(", ".join(parts))

    def _running(self) -> str:
        """Name what has been running longest."""
        ids = sorted(self._tally.started, key=self._tally.started.get)
        named = [
            job.cell or job.rule for job in map(self._tally.jobs.get, ids[:_MOST_NAMED]) if job
        ]
        return "; ".join(named) + ("; …" if len(ids) > _MOST_NAMED else "")

    def _say(self, text: str) -> None:
        print(time.strftime("[%H:%M:%S]"), text, file=self._stream, flush=True)


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count} cells"


def _core_time(hours: float) -> str:
    return f"{hours:,.1f} core hours" if hours >= 1 else f"{60 * hours:,.0f} core minutes"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} days"
