"""Small problems on which every engine is compared with the float64 judge of `reference`."""

from dataclasses import dataclass

import numpy as np
from sklearn.datasets import load_digits

from smoothcore import engines
from smoothcore.engines import Engine
from smoothcore.network.seeds import generator, stream
from smoothcore.network.two_layer import TwoLayerNetwork, initialize
from smoothcore.regularizers import NONE, all_regularizers, load_step
from tests.reference import Goal
from tests.reference import epoch as reference_epoch

#: a λ per regularizer at which the penalty visibly changes the weights within tens of steps
LAMBDAS = {NONE: 0.0, "GN": 1e-2, "WP": 1e-2, "FPL": 1e-2, "GPL": 1e-2, "GPL-exact": 1e-2}
OBJECTIVES = (NONE, *all_regularizers())


@dataclass(frozen=True)
class Problem:
    """A training set, initial float32 weights and the order of the samples in every epoch."""

    x: np.ndarray
    y: np.ndarray
    network: TwoLayerNetwork
    permutations: np.ndarray


def permutations(n: int, epochs: int) -> np.ndarray:
    """Return int32 permutations of n samples, shape (epochs, n)."""
    rng = generator(stream("engine-cases-order", n=n))
    return np.array([rng.permutation(n) for _ in range(epochs)], dtype=np.int32)


def random_problem(
    n: int = 48, d: int = 12, h: int = 10, epochs: int = 10, alpha: float = 1.0
) -> Problem:
    """Return uniform inputs, half of whose entries are exactly 0, with ±1 targets."""
    rng = generator(stream("engine-cases", n=n, d=d, h=h))
    x = rng.random((n, d)) * (rng.random((n, d)) < 0.5)
    y = np.where(np.arange(n) % 2, 1, -1)
    network = initialize(d, h, alpha, rng)
    return Problem(x.astype(np.float32), y.astype(np.float32), network, permutations(n, epochs))


def digits_problem(n: int = 256, h: int = 32, epochs: int = 25, alpha: float = 0.01) -> Problem:
    """Return real 8×8 images (scikit-learn's) of the digits 3 and 8, at most 357 of them."""
    images, labels = load_digits(return_X_y=True)
    chosen = np.flatnonzero((labels == 3) | (labels == 8))[:n]
    x = (images[chosen] / 16).astype(np.float32)
    y = np.where(labels[chosen] == 8, 1, -1).astype(np.float32)
    network = initialize(64, h, alpha, generator(stream("engine-cases-digits", h=h)))
    return Problem(x, y, network, permutations(len(x), epochs))


def objective(regularizer: str, lambda_: float | None = None, **settings) -> Goal:
    """Return an objective with the λ of `LAMBDAS` and learning rate 0.1 unless told otherwise."""
    settings.setdefault("learning_rate", 0.1)
    weight = LAMBDAS[regularizer] if lambda_ is None else lambda_
    return Goal(weight, regularizer=regularizer, **settings)


def run_reference(problem: Problem, goal: Goal) -> tuple[TwoLayerNetwork, np.ndarray]:
    """Run all the epochs in float64 from the definitions; return parameters and running losses."""
    network = problem.network.astype(np.float64)
    x, y = problem.x.astype(np.float64), problem.y.astype(np.float64)
    losses = []
    for order in problem.permutations:
        network, loss = reference_epoch(network, x, y, order, goal)
        losses.append(loss)
    return network, np.array(losses)


def create(engine: str, x: np.ndarray, y: np.ndarray, goal: Goal) -> Engine:
    """Return an engine with the step of the goal's penalty."""
    return engines.create(engine, x, y, goal, load_step(goal.regularizer, engine))


def run_engine(engine: Engine, problem: Problem) -> tuple[TwoLayerNetwork, np.ndarray]:
    """Run all the epochs with an engine, without a screen on the running loss."""
    return engine.run_epochs(
        problem.network, problem.permutations, 0, len(problem.permutations), 0.0
    )


def bits(network: TwoLayerNetwork) -> dict[str, tuple]:
    """Return type, shape and bytes of each parameter."""
    arrays = {name: getattr(network, name) for name in ("W", "beta", "v", "c")}
    return {name: (a.dtype, a.shape, a.tobytes()) for name, a in arrays.items()}


def distance(got: TwoLayerNetwork, expected: TwoLayerNetwork) -> float:
    """Return the largest over the parameters of ‖got − expected‖ / ‖expected‖ (Frobenius norms)."""
    return max(
        np.linalg.norm(getattr(got, name).astype(np.float64) - getattr(expected, name))
        / max(np.linalg.norm(getattr(expected, name)), np.finfo(np.float64).tiny)
        for name in ("W", "beta", "v", "c")
    )
