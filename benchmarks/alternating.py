"""Measuring in turn, and ratios that a disturbed machine does not disturb much.

Every contender runs once in a round, in one order and in the reverse order alternately. A ratio is
the median over the rounds of the ratio within a round: a second in which the machine is slow makes
both of its sides slow.
"""

import contextlib
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]

#: settings that slow NumPy's BLAS down, or that are not those of a user
_UNSET = (
    "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "PYTHONDONTWRITEBYTECODE", "TF_USE_LEGACY_KERAS",
    "XLA_FLAGS",
)  # fmt: skip
_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS",
     "TF_NUM_INTEROP_THREADS"), "1"
)  # fmt: skip


def one_thread_environment() -> dict[str, str]:
    """Return the environment of what is measured: one thread each, no GPU."""
    kept = {name: value for name, value in os.environ.items() if name not in _UNSET}
    more = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "PYTHONPATH": str(ROOT)}
    return kept | more | _ONE_THREAD | {"KERAS_BACKEND": "tensorflow"}


class Worker:
    """A process of `benchmarks.worker`."""

    def __init__(self, log: Path) -> None:
        self._log = log
        with log.open("w") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=one_thread_environment(),
                cwd=ROOT,
                text=True,
            )

    def ask(self, do: str, **request) -> dict:
        """Send a request and return the answer; raises RuntimeError with the worker's traceback."""
        print(json.dumps({"do": do, **request}), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        answer = json.loads(line) if line else {"error": f"it ended; see {self._log}"}
        if "error" in answer:
            raise RuntimeError(f"a contender failed ({request}): {answer['error']}")
        return answer

    def contender(
        self, name: str, kind: str, problem: tuple | None, arguments: dict, seconds: float
    ) -> Callable[[], float]:
        """Build a contender; the function that is returned runs it and returns s per step."""
        self.ask(
            "prepare", name=name, kind=kind, problem=problem, arguments=arguments, seconds=seconds
        )
        return lambda: self.ask("run", name=name)["seconds"]

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


@contextlib.contextmanager
def workers(folder: Path, *names: str) -> Iterator[list[Worker]]:
    """Start a worker per name; their messages go to files in ``folder``."""
    started = [Worker(folder / f"{name}.log") for name in names]
    try:
        yield started
    finally:
        for worker in started:
            worker.close()


def alternate(tasks: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Run all tasks once a round; return what each returned in every round."""
    results = {name: [] for name in tasks}
    for i in range(rounds):
        for name in list(tasks) if i % 2 == 0 else reversed(tasks):
            results[name].append(tasks[name]())
    return results


class Ratio(NamedTuple):
    """A ratio over the rounds: its median and quartiles."""

    median: float
    lower: float
    upper: float

    def __str__(self) -> str:
        return f"{self.median:.3g} ({self.lower:.3g}–{self.upper:.3g})"


def ratio(above: list[float], below: list[float]) -> Ratio:
    """Return the ratio of two contenders of the same rounds."""
    values = [a / b for a, b in zip(above, below, strict=True)]
    if len(values) < 2:
        return Ratio(values[0], values[0], values[0])
    lower, _, upper = statistics.quantiles(values, n=4, method="inclusive")
    return Ratio(statistics.median(values), lower, upper)
