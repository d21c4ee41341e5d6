"""Errors meant for the user: one readable message that names the file or key and the way out."""

import contextlib
import functools
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


class InterruptedRunError(SmoothcoreError):
    """A training run was told to stop and has saved its state."""


def exits_readably(main: Callable[..., int | None]) -> Callable[..., int]:
    """Wrap a script's ``main``: a `SmoothcoreError` becomes one message and exit code 1."""

    @functools.wraps(main)
    def wrapped(*args, **kwargs) -> int:
        try:
            return main(*args, **kwargs) or 0
        except SmoothcoreError as error:
            with contextlib.suppress(OSError):  # the disk of the log is full, too
                print(f"error: {error}", file=sys.stderr, flush=True)
            return 1

    return wrapped
