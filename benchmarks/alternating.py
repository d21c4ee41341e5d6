"""Measuring in turn, and ratios that a disturbed machine does not disturb much.

Every contender runs once in a round, in one order and in the reverse order alternately. A ratio is
the median over the rounds of the ratio within a round: a second in which the machine is slow makes
both of its sides slow.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

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


def alternate(tasks: Mapping[Any, Callable[[], Any]], rounds: int) -> dict[Any, list]:
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


def ratio(above: list[float], below: list[float]) -> Ratio:
    """Return the ratio of two contenders of the same rounds."""
    values = [a / b for a, b in zip(above, below, strict=True)]
    return Ratio(*np.quantile(values, (0.5, 0.25, 0.75)))
