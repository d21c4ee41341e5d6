"""What Snakemake says, made short: reasons of a line, an interruption that is no failure."""

import asyncio
import contextlib
import logging
import signal
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import NoReturn

from snakemake.exceptions import CliException

from smoothcore.errors import SmoothcoreError

#: a reason that names hundreds of files is cut here, in characters
LONGEST_REASON = 300
#: of a job that failed so many input files are named
_MOST_FILES = 3

INTERRUPTED = "interrupted; the same command continues"

_OF_JOBS = ("job_error", "group_error", "job_info", "shellcmd", "progress")
_STOPPING = "Terminating processes on user request"
_NOTHING_TO_DO = "Nothing to be done"


class Interrupts:
    """Takes notice of Ctrl-C, which jobs and Snakemake answer by saving and stopping.

    The second is ignored: the first is being answered. The third ends Snakemake as soon as its jobs
    have ended.

    Attributes:
        count: how often it was pressed.
    """

    def __init__(self) -> None:
        self.count = 0

    def listen(self) -> None:
        """Listen from now on; asked again it changes nothing."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        if self.count == 2:
            return
        # an exception amid asyncio's own code loses a step of a task: its loop could not be closed
        if frame and frame.f_globals.get("__name__", "").startswith("asyncio."):
            with contextlib.suppress(RuntimeError):  # no loop is running
                asyncio.get_running_loop().call_soon_threadsafe(_stop)
                return
        _stop()


def _stop() -> NoReturn:
    raise SystemExit(INTERRUPTED)  # to Snakemake the same as KeyboardInterrupt, but quiet


interrupts = Interrupts()


class Messages(logging.Filter):
    """Looks at each message of Snakemake before it is shown.

    Args:
        before: event or beginning of a message → what is called before it is shown. An imported
            module has no ``onstart``, so what must be refused is refused here.
        place: where the results of the study lie.
        progress: what says how far it is; it sees the messages that are shown.
    """

    def __init__(
        self, before: Mapping[str, Callable[[], None]], place: Path, progress: logging.Handler
    ) -> None:
        super().__init__()
        self._before, self.place, self.progress = before, place, progress

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a message is shown; it may be shortened."""
        event, said = str(getattr(record, "event", "") or ""), str(record.msg)
        for beginning, call in self._before.items():
            if event == beginning or said.startswith(beginning):
                try:
                    call()
                except SmoothcoreError as error:  # one message, without the places it went through
                    raise CliException(str(error)) from None
        reason = str(getattr(record, "reason", None) or "")
        if len(reason) > LONGEST_REASON:
            record.reason = f"{reason[:LONGEST_REASON]} …"
        files = getattr(record, "input", None) or []
        if len(files) > _MOST_FILES:  # thousands, of a job that collects a grid
            record.input = [*files[:_MOST_FILES], f"… and {len(files) - _MOST_FILES:,} more"]
        if said.startswith(_NOTHING_TO_DO) and (self.place / "report.html").exists():
            record.msg = f"{said} Tables, figures and report lie in {self.place}"
        if said.startswith(_STOPPING):
            record.msg = INTERRUPTED
            return True
        return not (interrupts.count and (event in _OF_JOBS or record.levelno >= logging.WARNING))
