"""What a training job costs beside its steps: seconds and memory of ``workflow_scripts.train``.

Every job is a process of its own, from the start of the interpreter to its end, on 64 images for
one epoch. Memory is the largest resident set of a job on all the images.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tabulate import tabulate

from benchmarks.alternating import alternate
from benchmarks.bench import Bench, say
from smoothcore.study.run import Run
from smoothcore.training.recipe import Recipe
from smoothcore.workflow.command_line import to_settings

#: name → engine, regularizer, whether compiled code is there already
JOBS = {
    "sparse": ("sparse", "none", True),
    "sparse GN": ("sparse", "GN", True),
    "sparse, first of all": ("sparse", "none", False),
    "sparse GN, first of all": ("sparse", "GN", False),
    "tensorflow": ("tensorflow", "none", True),
}


def train(bench: Bench, name: str, size: int, cache: Path) -> tuple[float, float]:
    """Run a job; return its seconds and the megabytes of its largest resident set."""
    engine, regularizer, _ = JOBS[name]
    lambda_ = 0.0 if regularizer == "none" else 1e-5
    settings = to_settings(
        run=Run("3-4", size, 0, regularizer, lambda_, 0.01),
        recipe=Recipe("mnist", engine, 256, 0.01, 64, 1e-5, 1, 10),
    )
    with tempfile.TemporaryDirectory(dir=bench.folder) as folder:
        files = ("weights.npz", "record.parquet", "curve.parquet", "checkpoint.npz")
        outputs = [f"--{Path(file).stem}={folder}/{file}" for file in files]
        command = [
            sys.executable, "-m", "workflow_scripts.train", "--settings", settings,
            "--data", str(bench.folder / "mnist.npz"), *outputs,
        ]  # fmt: skip
        environment = os.environ | {"NUMBA_CACHE_DIR": str(cache)}
        log = bench.folder / "train.log"
        began = time.perf_counter()
        with log.open("w") as errors:
            process = subprocess.Popen(command, stderr=errors, env=environment)
            # the usage of this one process, which Popen.wait does not tell
            _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"a training job failed: {log.read_text()}")
    return seconds, usage.ru_maxrss / 1024


def run(bench: Bench) -> list[dict]:
    """Return for every job its ``seconds``, and ``megabytes`` at full size."""
    say("jobs: warming up")
    warm = bench.folder / "numba"
    names = ["sparse", "sparse, first of all"] if bench.quick else list(JOBS)
    for name in names:
        if JOBS[name][2]:
            train(bench, name, 64, warm)

    def job(name: str, size: int) -> tuple[float, float]:
        with tempfile.TemporaryDirectory(dir=bench.folder) as cold:
            return train(bench, name, size, warm if JOBS[name][2] else Path(cold))

    megabytes = {name: job(name, bench.images)[1] for name in names}
    say("jobs: measuring in turn")
    times = alternate({name: lambda name=name: job(name, 64)[0] for name in names}, bench.rounds(6))
    return [
        {"job": name, "seconds": statistics.median(times[name]), "megabytes": megabytes[name]}
        for name in names
    ]


def show(results: list[dict]) -> str:
    """Return the table of the fixed costs."""
    heads = {"job": "training job", "seconds": "s", "megabytes": "MB, all images"}
    table = tabulate(results, heads, "pipe", floatfmt=("", ".2f", ".0f"))
    return f"A job of one epoch on 64 images, from start to end\n{table}"
