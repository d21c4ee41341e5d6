"""Killed at any moment, started again, and nothing is lost. Through the real snakemake."""

import os
import signal

import pytest

from tests.soak import KINDS, soak
from tests.workflow import TARGETS, final_files, kill_group, wait_until

pytestmark = pytest.mark.workflow


def test_ten_kills(finished, empty):
    """The long version is `python -m tests.soak`."""
    expected = finished.comparable()
    expected.pop("toy.npz")  # of Figure 1, not of the grid
    counts = soak(empty, expected, kills=10, seed=20, say=print)
    print(dict(counts))
    assert all(counts[kind] for kind in KINDS), counts
    assert counts["files read meanwhile"] >= len(expected)
    # nothing is left behind: no checkpoint, no temporary file
    left = [
        path
        for path in empty.results.rglob("*")
        if path.is_file() and (path.name.startswith(".tmp-") or "checkpoints" in path.parts)
    ]
    assert all(path.name.endswith(".lock") for path in left), left
    assert empty.planned(*TARGETS) == {}
    assert len(final_files(empty.results)) == len(expected)


def test_ctrl_c_is_an_interruption_and_no_failure(empty):
    # ε is out of reach, however fast the machine is
    empty.config["training"] |= {"epsilon": 1e-12, "max_epochs": 10_000_000}
    empty.config["monotonicity"]["learning_rate"] = 1e-9
    empty.write()
    process = empty.start(*TARGETS, "--set-resources", "train:checkpoint_seconds=1")
    try:
        # Python itself dies of a signal while it starts: both are further than that
        wait_until(lambda: len(list(empty.results.glob("checkpoints/**/*.npz"))) == 2)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        assert process.wait(timeout=60) != 0
    finally:
        kill_group(process)
    said = (empty.folder / "snakemake.log").read_text()
    assert "interrupted; the same command continues" in said
    assert "Traceback" not in said and "Error" not in said
    assert empty.planned(*TARGETS)["train"] > 0  # nothing has to be unlocked
