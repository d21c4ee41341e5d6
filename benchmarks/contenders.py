"""What is measured: the engines, the two products they are compared with, the measures.

A contender is built from plain values and returns the seconds that some repetitions of its work
took. What needs Keras is in `benchmarks.keras_way`.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.problem import BATCH, GOALS, PAIR, Problem, read_network
from smoothcore import datasets, engines, measures
from smoothcore.network.seeds import generator, stream
from smoothcore.network.two_layer import initialize
from smoothcore.regularizers import load_step


class Contender(NamedTuple):
    """Work that can be repeated.

    Attributes:
        run: does the work so many times and returns the seconds it took.
        steps: SGD steps (or pairs of products, or models) in one repetition.
    """

    run: Callable[[int], float]
    steps: int


def timed(work: Callable[[], object]) -> Callable[[int], float]:
    """Return a function that does ``work`` so many times and returns the seconds."""

    def run(repeats: int) -> float:
        began = time.perf_counter()
        for _ in range(repeats):
            work()
        return time.perf_counter() - began

    return run


def floor(problem: Problem) -> Contender:
    """The two dense products of a step, x W and xᵀ ∂z, by NumPy's BLAS."""
    W = problem.network.W
    x = np.ascontiguousarray(problem.x[:BATCH])
    rng = np.random.default_rng(0)
    dz = rng.standard_normal((len(x), W.shape[1]), np.float32)
    z, dW = np.empty_like(dz), np.empty_like(W)

    def products() -> None:
        np.dot(x, W, out=z)
        np.dot(x.T, dz, out=dW)

    return Contender(timed(products), 1)


def engine(problem: Problem, name: str, regularizer: str) -> Contender:
    """Epochs of an engine; each repetition continues where the one before stopped."""
    penalty = load_step(regularizer, name)
    machine = engines.create(name, problem.x, problem.y, GOALS[regularizer], penalty)
    network, permutations = problem.network, problem.permutations

    def run(repeats: int) -> float:
        nonlocal network
        # many epochs a call, as in training
        seconds = 0.0
        while repeats > 0:
            epochs = min(repeats, len(permutations))
            began = time.perf_counter()
            network, losses = machine.run_epochs(network, permutations, 0, epochs, 0.0)
            seconds += time.perf_counter() - began
            if len(losses) < epochs or not np.isfinite(losses[-1]):
                raise ArithmeticError(f"{name} with {regularizer} did not run on")
            repeats -= epochs
        return seconds

    return Contender(run, -(-len(problem.x) // BATCH))


def closed_forms(folder: Path) -> Contender:
    """Everything that is measured of one run: all measures, both networks, both sets of images.

    N = 1000 points and segments, grids of n = 100 points.
    """
    network = read_network(folder)
    initial = initialize(network.d, network.h, 0.01, generator(stream("benchmark")))
    x, _, x_test, _ = datasets.load_pair(folder / "mnist.npz", PAIR, 10_000)
    test, training = (
        measures.draw_evaluation_points(images, 1000, generator(stream("benchmark")))
        for images in (x_test, x)
    )
    return Contender(timed(lambda: measures.measure_run(network, initial, test, training, 100)), 1)
