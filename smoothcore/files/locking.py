"""One writer: a second process that is to write the same waits for the first."""

import contextlib
import errno
import fcntl
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from smoothcore.files.storage import storage_errors

log = logging.getLogger(__name__)

#: what a file system without locks answers
_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS}


@contextlib.contextmanager
def only_writer(path: Path) -> Iterator[None]:
    """Hold the lock that belongs to ``path`` while the block runs.

    A workflow that is killed leaves its jobs running; the next one starts them again beside those.
    The operating system frees the lock of a process that dies, however it dies. On a file system
    without locks the block runs without one, and the log says so.

    Raises:
        StorageError: the folder cannot be written.
    """
    lock = path.with_name(f".{path.name}.lock")
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        with storage_errors(path):
            _lock(descriptor, lock)
        yield
    finally:
        os.close(descriptor)  # frees the lock


def _lock(descriptor: int, lock: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        log.info("another process is at work on this run and holds %s; waiting", lock)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        log.warning(
            "the file system of %s has no locks (%s): going on without one. Do not start the same "
            "study twice at the same time.",
            lock.parent,
            error.strerror,
        )
