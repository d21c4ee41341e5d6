"""One writer per run: a second process that trains the same run waits for the first."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import filelock

from smoothcore.files.storage import storage_errors


@contextlib.contextmanager
def only_writer(path: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock that belongs to ``path`` while the block runs.

    A workflow that is killed leaves its jobs running; the next one starts them again beside those.
    The operating system frees the lock of a process that dies, however it dies.

    Raises:
        StorageError: the folder cannot be written.
    """
    lock = filelock.FileLock(path.with_name(f".{path.name}.lock"))
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            say(f"another process is at work on this run and holds {lock.lock_file}; waiting")
            lock.acquire()
    try:
        yield
    finally:
        lock.release()
