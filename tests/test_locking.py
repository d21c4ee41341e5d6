import subprocess
import sys
import time

from smoothcore.files.locking import only_writer

HOLD = """
import sys, time
from pathlib import Path
from smoothcore.files.locking import only_writer
with only_writer(Path(sys.argv[1]), print):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def hold(path, seconds):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), str(seconds)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    return process


def test_the_second_writer_waits_and_says_so(tmp_path):
    path, said = tmp_path / "run.npz", []
    process = hold(path, 0.5)
    with only_writer(path, said.append):
        assert process.wait(timeout=10) == 0
    process.stdout.close()
    assert "waiting" in said[0] and "run.npz" in said[0]


def test_a_killed_writer_frees_the_lock(tmp_path):
    path = tmp_path / "run.npz"
    process = hold(path, 600)
    process.kill()
    process.wait()
    process.stdout.close()
    began = time.monotonic()
    with only_writer(path, lambda line: None):
        assert time.monotonic() - began < 5
