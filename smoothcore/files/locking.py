"""One writer per run: a second process that trains the same run waits for the first."""

import contextlib
import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from smoothcore.files.storage import storage_errors

#: what a file system without locks answers
_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS}


@contextlib.contextmanager
def only_writer(path: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock that belongs to ``path`` while the block runs.

    A workflow that is killed leaves its jobs running; the next one starts them again beside those.
    The operating system frees the lock of a process that dies, however it dies. On a file system
    without locks the block runs without one, and ``say`` is told.

    Raises:
        StorageError: the folder cannot be written.
    """
    lock = path.with_name(f".{path.name}.lock")
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        with storage_errors(path):
            _lock(descriptor, lock, say)
        yield
    finally:
        os.close(descriptor)  # frees the lock


def _lock(descriptor: int, lock: Path, say: Callable[[str], None]) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say(f"another process is at work on this run and holds {lock}; waiting")
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        say(
            f"the file system of {lock.parent} has no locks ({error.strerror}): going on without "
            "one. Do not start the same study twice at the same time."
        )
