"""What a run of the grid is expected to cost, so that a scheduler can plan with it.

An estimate, good to a factor of about two for the paper's grid and rougher elsewhere: the number
of epochs to interpolation differs several-fold between pairs. It decides how much time a job asks
for, what goes first and which runs share an allocation; no result depends on it.

    seconds of training = epochs × steps per epoch × milliseconds per step / 1000
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from smoothcore.datasets import all_datasets
from smoothcore.regularizers import all_regularizers
from smoothcore.study.config import Study
from smoothcore.study.run import Run

#: milliseconds of one plain step at batch 64, d = 784, h = 256 on one core, 10,000 images, as the
#: benchmark measured it on Zen 3 (docs/performance.md) and as half of the published runs took it;
#: less than half of that on the Xeon. What a penalty costs, the regularizers say themselves
PLAIN_STEP_MS = {"sparse": 0.26, "tensorflow": 0.7}

#: what a step costs whatever the size of the network: calls, permutations, the loss
_STEP_OVERHEAD_MS = 0.01

#: epochs to ε = 1e-5 at λ = 0, learning rate 0.01, batch 64, by number of training images (MNIST):
#: means over the published runs, 45 pairs and, up to 8,192, three seeds
EPOCHS_BY_SIZE = {
    64: 4901, 128: 5354, 256: 5591, 512: 5822, 1024: 4745, 2048: 3984, 4096: 3860, 8192: 4359,
    10000: 4675,
}  # fmt: skip

#: epochs ∝ learning rate ** this: 1,368 epochs at 0.1 where 4,675 are needed at 0.01
_LEARNING_RATE_EXPONENT = -0.534

#: of a regularizer that does not say its ratios
UNKNOWN_RATIO = 2.0

#: megabytes a training job holds at its peak: libraries, compiled code, 10,000 images and a network
MEMORY_MB = {"sparse": 350, "tensorflow": 1000}

#: megabytes of the two nested Snakemake processes of a job that was submitted to SLURM
SUBMISSION_MB = 350

#: seconds a job takes beside its steps: imports, compiled code from the cache, files
START_SECONDS = {"sparse": 2.0, "tensorflow": 5.0}

#: seconds of a job that does not train: start, imports, and a second of work
MEASURE_SECONDS = 3.0

#: a job asks for this many times what it is expected to need, and for `SLOW_START_SECONDS` more:
#: the first job on a kind of processor compiles, many that start together share one disk
MARGIN = 3.0
SLOW_START_SECONDS = 60.0

#: for the time left an expected cost counts as much as so many seconds of finished training, at
#: most half of all: one short job says little
PRIOR_SECONDS = 600.0

#: runs shorter than this, in seconds, share an allocation with others
SHORT_SECONDS = 180.0


def step_milliseconds(run: Run, study: Study) -> float:
    """Return the expected cost of one SGD step in milliseconds, on one core.

    The products of a step grow with batch × d × h; `PLAIN_STEP_MS` is scaled by that.
    """
    engine = study.training.engine
    pixels = all_datasets()[study.dataset].d
    work = (study.training.batch_size / 64) * (pixels / 784) * (study.network.hidden_units / 256)
    about = all_regularizers().get(run.regularizer)  # None without a penalty
    ratio = about.step_ratio.get(engine, UNKNOWN_RATIO) if about else 1.0
    return PLAIN_STEP_MS[engine] * ratio * work + _STEP_OVERHEAD_MS


def expected_epochs(run: Run, study: Study) -> float:
    """Return the expected number of epochs until the run stops.

    Interpolated in log(size) between the entries of `EPOCHS_BY_SIZE`, in log(λ) between those of
    the regularizer; at most ``max_epochs``. ε enters through log(1 / ε): near the end the loss
    falls about exponentially.
    """
    epochs = _interpolate(EPOCHS_BY_SIZE, run.size)
    epochs *= (run.learning_rate / 0.01) ** _LEARNING_RATE_EXPONENT
    if about := all_regularizers().get(run.regularizer):
        ratios = about.epochs_ratio
        epochs *= _interpolate(ratios, run.lambda_) if ratios else UNKNOWN_RATIO
    epochs *= max(0.1, math.log(study.training.epsilon) / math.log(1e-5))
    return min(float(study.training.max_epochs), epochs)


def expected_seconds(run: Run, study: Study, epochs: float | None = None) -> float:
    """Return the time of a training job in seconds, start included; else of the epochs expected."""
    epochs = expected_epochs(run, study) if epochs is None else epochs
    steps = epochs * math.ceil(run.size / study.training.batch_size)
    return START_SECONDS[study.training.engine] + steps * step_milliseconds(run, study) / 1000


def training_minutes(run: Run, study: Study, attempt: int = 1) -> int:
    """Return the time limit a training job asks for, in whole minutes.

    `MARGIN` times what is expected, never more than all its epochs would take with that margin for
    a slow machine; every further attempt asks for as much again, and continues from a checkpoint.
    """
    longest = expected_seconds(run, study, study.training.max_epochs)
    wanted = MARGIN * min(expected_seconds(run, study) * attempt, longest)
    return math.ceil((wanted + SLOW_START_SECONDS) / 60)


def training_memory_mb(run: Run, study: Study, attempt: int = 1) -> int:
    """Return the memory a training job asks for in megabytes; each attempt asks for as much again.

    A network and its gradient, 8 bytes a weight, come on top of `MEMORY_MB`.
    """
    weights = all_datasets()[study.dataset].d * study.network.hidden_units
    megabytes = MEMORY_MB[study.training.engine] + 4 * 8 * weights / 1e6
    return _asked_mb(megabytes, attempt)


def _asked_mb(megabytes: float, attempt: int) -> int:
    return attempt * math.ceil((megabytes + SUBMISSION_MB) / 50) * 50


def measuring_minutes(run: Run, study: Study, attempt: int = 1) -> int:
    """Return the time limit a measuring job asks for, in whole minutes, as `training_minutes`.

    Measured: 1.4 s at h = 256 and 10,000 images, 21 s at 4096, more than two minutes at 8192. The
    factorization of W grows with h³.
    """
    h = study.network.hidden_units
    seconds = MEASURE_SECONDS + 4e-10 * h**3 + 7e-7 * h * run.size
    return math.ceil((MARGIN * attempt * seconds + SLOW_START_SECONDS) / 60)


def measuring_memory_mb(run: Run, study: Study, attempt: int = 1) -> int:
    """Return the memory a measuring job asks for in megabytes; each attempt asks for as much again.

    Measured: 313 MB at h = 256 and 10,000 images, 923 MB at 2048, 888 MB at 4096 and 64 images.
    """
    h = study.network.hidden_units
    megabytes = MEMORY_MB["sparse"] + (32 * h**2 + 24 * h * run.size) / 1e6
    return _asked_mb(megabytes, attempt)


def slowness(real: float, expected: float, whole: float) -> float:
    """Return real over expected seconds of training, drawn towards 1 while little is done.

    Args:
        real: what the finished runs took.
        expected: what they were expected to take.
        whole: what all runs are expected to take, finished or not.
    """
    prior = min(PRIOR_SECONDS, whole / 2)
    return (real + prior) / (expected + prior) if whole else 1.0


def cost_class(run: Run, study: Study) -> str:
    """Return ``short`` or ``long``: whether a run should share its allocation with others."""
    return "short" if expected_seconds(run, study) < SHORT_SECONDS else "long"


def _interpolate(table: Mapping[Any, float], at: float) -> float:
    """Return a table's value, linear in the logarithm of its keys, constant beyond its ends."""
    keys = sorted(table)
    return float(np.interp(math.log(at), np.log(keys), [table[key] for key in keys]))
