import contextlib
import errno
import fcntl
import logging
import os
import subprocess
import sys
import threading
import time

import pytest

from smoothcore.errors import StorageError
from smoothcore.files.locking import only_writer

HOLD = """
import sys
from pathlib import Path
from smoothcore.files.locking import only_writer
with only_writer(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


@contextlib.contextmanager
def held(path):
    """Let another process hold the lock until it reads a line, or dies."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout.readline() == "held\n"
        yield process


def test_the_second_writer_waits_and_says_so(tmp_path, caplog):
    path, released = tmp_path / "run.npz", threading.Event()

    def release_once_told():
        while "waiting" not in caplog.text:
            time.sleep(0.01)
        time.sleep(0.3)  # it is waiting now
        released.set()
        process.stdin.write("\n")
        process.stdin.flush()

    with caplog.at_level(logging.INFO), held(path) as process:
        releasing = threading.Thread(target=release_once_told, daemon=True)
        releasing.start()
        with only_writer(path):
            assert released.is_set()
        releasing.join()
    assert process.returncode == 0
    assert "waiting" in caplog.text and "run.npz" in caplog.text


def test_a_killed_writer_frees_the_lock(tmp_path):
    path = tmp_path / "run.npz"
    with held(path) as process:
        process.kill()
    began = time.monotonic()
    with only_writer(path):
        assert time.monotonic() - began < 60


@pytest.mark.parametrize("code", ["ENOLCK", "EOPNOTSUPP", "ENOSYS"])
def test_a_file_system_without_locks(tmp_path, monkeypatch, caplog, code):
    def flock(_descriptor, _operation):
        raise OSError(getattr(errno, code), os.strerror(getattr(errno, code)))

    monkeypatch.setattr(fcntl, "flock", flock)
    entered = False
    with only_writer(tmp_path / "run.npz"):
        entered = True
    assert entered
    (record,) = caplog.records
    assert f"the file system of {tmp_path} has no locks" in record.message


def test_a_disk_that_reports_an_error_is_no_missing_lock(tmp_path, monkeypatch):
    def flock(_descriptor, _operation):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(fcntl, "flock", flock)
    with (
        pytest.raises(StorageError, match="the disk reports an error"),
        only_writer(tmp_path / "run.npz"),
    ):
        raise AssertionError("not reached")
