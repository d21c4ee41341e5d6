"""Engines carry out SGD epochs; everything else about a run exists once, in `smoothcore.training`.

An engine module defines ``create(x, y, objective) -> Engine``. It is imported by name, when asked
for, so that choosing one engine costs nothing of the others' imports.
"""

import importlib
from typing import Protocol

import numpy as np

from smoothcore.network import TwoLayerNetwork
from smoothcore.regularizers import Objective

ENGINES = {
    "sparse": "smoothcore.engines.sparse",
    "tensorflow": "smoothcore.engines.tensorflow_engine",
}

#: the library whose version an engine's bits depend on
LIBRARY_OF = {"sparse": "numba", "tensorflow": "tensorflow"}

#: a running loss above this ends the run as diverged (targets are ±1, so L starts near 1)
DIVERGED_ABOVE = 1e6


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


def create(name: str, x: np.ndarray, y: np.ndarray, objective: Objective) -> Engine:
    """Return the engine ``name`` on inputs x (n, d) in [0, 1] and targets y (n,), both float32.

    Raises:
        KeyError: no engine has that name.
    """
    return importlib.import_module(ENGINES[name]).create(x, y, objective)
