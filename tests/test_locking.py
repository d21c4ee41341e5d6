import errno
import fcntl
import logging
import os
import subprocess
import sys
import time

import pytest

from smoothcore.errors import StorageError
from smoothcore.files.locking import only_writer

HOLD = """
import sys, time
from pathlib import Path
from smoothcore.files.locking import only_writer
with only_writer(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def hold(path, seconds):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), str(seconds)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    return process


def test_the_second_writer_waits_and_says_so(tmp_path, caplog):
    path = tmp_path / "run.npz"
    began = time.monotonic()
    process = hold(path, 0.5)
    with caplog.at_level(logging.INFO), only_writer(path):
        assert time.monotonic() - began >= 0.5
        assert process.wait(timeout=10) == 0
    process.stdout.close()
    assert "waiting" in caplog.text and "run.npz" in caplog.text


def test_a_killed_writer_frees_the_lock(tmp_path):
    path = tmp_path / "run.npz"
    process = hold(path, 600)
    process.kill()
    process.wait()
    process.stdout.close()
    began = time.monotonic()
    with only_writer(path):
        assert time.monotonic() - began < 5


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
