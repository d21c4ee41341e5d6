"""Engines carry out SGD epochs; everything else about a run is in `smoothcore.training`, once.

An engine module defines ``create(x, y, objective, penalty) -> Engine``. It is imported by name,
when asked for, so that choosing one engine costs nothing of the others' imports. No engine knows a
regularizer: the module with its step is handed in as ``penalty``.
"""

import importlib
from dataclasses import dataclass
from types import ModuleType
from typing import Protocol

import numpy as np

from smoothcore.network.two_layer import TwoLayerNetwork

ENGINES = {
    "sparse": "smoothcore.engines.sparse.engine",
    "tensorflow": "smoothcore.engines.tensorflow.engine",
}

#: the library whose version an engine's bits depend on
LIBRARY_OF = {"sparse": "numba", "tensorflow": "tensorflow"}

#: a running loss above this ends the run as diverged (targets are ±1, so L starts near 1)
DIVERGED_ABOVE = 1e6


@dataclass(frozen=True)
class Objective:
    """What one run minimises, L_reg = L + λ S, and how.

    Attributes:
        lambda_: the weight λ of the penalty; 0 without one.
        learning_rate: SGD step size.
        batch_size: samples per mini-batch; the short last batch of an epoch is kept.
        grid_points: n of the penalties that are sampled on a grid.
    """

    lambda_: float
    learning_rate: float
    batch_size: int = 64
    grid_points: int = 10


class Engine(Protocol):
    """Carries out epochs of mini-batch SGD on one training set and objective."""

    def run_epochs(
        self,
        network: TwoLayerNetwork,
        permutations: np.ndarray,
        start: int,
        stop: int,
        stop_below: float,
    ) -> tuple[TwoLayerNetwork, np.ndarray]:
        """Run the epochs ``start`` … ``stop − 1`` of a block of permutations.

        Returns early after the first epoch whose running loss is below ``stop_below``, above
        `DIVERGED_ABOVE`, or not finite.

        Args:
            network: float32 parameters before the first of these epochs; not modified.
            permutations: int32, shape (epochs in the block, n); row e is the order of epoch e.
            start: first row to use, 0 ≤ start < stop.
            stop: one past the last row to use.
            stop_below: the screen ε on the running loss.

        Returns:
            The parameters after the last epoch that ran, and the running losses, float64, one per
            epoch that ran. The running loss of an epoch is the mean of the squared errors of its n
            samples, each taken before the update of its own batch; the penalty is not in it.
        """
        ...


def create(
    name: str, x: np.ndarray, y: np.ndarray, objective: Objective, penalty: ModuleType | None
) -> Engine:
    """Return the engine ``name`` on one training set.

    Args:
        name: a key of `ENGINES`.
        x: inputs in [0, 1], float32, shape (n, d).
        y: targets, float32, shape (n,).
        objective: what is minimised.
        penalty: the module with the step of the regularizer for this engine; None for λ = 0.

    Raises:
        KeyError: no engine has that name.
    """
    return importlib.import_module(ENGINES[name]).create(x, y, objective, penalty)
