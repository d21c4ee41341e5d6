"""Errors meant for the user: one readable message that names the file or key and the way out."""

import contextlib
import functools
import os
import sys
from collections.abc import Callable


class SmoothcoreError(Exception):
    """Base of every error a user can cause or repair; its text is the whole message."""


class ConfigError(SmoothcoreError):
    """The configuration is not valid."""


class SettingsError(SmoothcoreError):
    """What was given on a command line is not valid."""


class DataError(SmoothcoreError):
    """A dataset is missing, incomplete, or not what it claims to be."""


class DamagedFileError(SmoothcoreError):
    """A file of this project is truncated, altered, or of another kind than expected."""


class StorageError(SmoothcoreError):
    """A file cannot be written: disk full, folder read-only, no permission."""


#: how a script exits that was told to stop and has saved its state; EX_TEMPFAIL of sysexits.h
EXIT_INTERRUPTED = 75


class InterruptedRunError(SmoothcoreError):
    """A training run was told to stop and has saved its state: no failure."""


def exits_readably(main: Callable[..., int | None]) -> Callable[..., int]:
    """Wrap a script's ``main``: a `SmoothcoreError` becomes one message and exit code 1.

    A run that was told to stop exits with `EXIT_INTERRUPTED`; its message is no error.
    """

    @functools.wraps(main)
    def wrapped(*args, **kwargs) -> int:
        try:
            return main(*args, **kwargs) or 0
        except InterruptedRunError as stopped:
            _say(str(stopped))
            return EXIT_INTERRUPTED
        except SmoothcoreError as error:
            _say(f"error: {error}")
            return 1
        except BrokenPipeError:  # who read what it prints has seen enough, as `head` does
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1

    return wrapped


def _say(text: str) -> None:
    with contextlib.suppress(OSError):  # the disk of the log may be full, too
        print(text, file=sys.stderr, flush=True)
