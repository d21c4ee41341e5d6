"""Figure 1: two networks that interpolate the same one-dimensional data, one smooth and one not.

Both have the same width, the same data, the same loss below ε. They differ in the scale α of their
initial weights only (and in the learning rate, which has to shrink as α grows): from small weights
SGD finds a function of few bends; from large ones it changes its random initial function just
enough to go through the points, and the random bends between them stay.
"""

from collections import namedtuple
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from smoothcore.files.storage import write_npz
from smoothcore.measures import EXACT, Measurement, draw_evaluation_points, measure
from smoothcore.network.seeds import generator, stream
from smoothcore.network.two_layer import TwoLayerNetwork, initialize
from smoothcore.regularizers import NONE
from smoothcore.results.paper import PAPER_TABLE1
from smoothcore.study.run import INTERPOLATED, Run
from smoothcore.training.checkpoint import TrainingState
from smoothcore.training.loop import Outcome, TrainingSet, train
from smoothcore.training.recipe import Recipe

HIDDEN_UNITS = 256
EPSILON = 1e-4
MAX_EPOCHS = 100_000
N_SAMPLES = 1000
SEED = 1


#: what differs between the two networks
ToyRun = namedtuple("ToyRun", "alpha learning_rate")

RUNS: Mapping[str, ToyRun] = {"smooth": ToyRun(0.01, 0.1), "rough": ToyRun(800.0, 2.5e-4)}


def training_set() -> TrainingSet:
    """Return nine points of one sine wave, x ascending in [0, 1], shape (9, 1)."""
    x = np.array([0.04, 0.16, 0.27, 0.39, 0.5, 0.62, 0.74, 0.85, 0.96], np.float32)
    y = 0.8 * np.sin(2.2 * np.pi * x - 0.4)
    return TrainingSet(x[:, None], y.astype(np.float32))


def initial_network(alpha: float) -> TwoLayerNetwork:
    """Draw initial parameters as §4.1 does, but with the bends of the units spread over [0, 1].

    With biases of 0, as on images, every unit of a one-dimensional network would bend at x = 0.
    """
    rng = generator(stream("toy initialisation", alpha=alpha, seed=SEED))
    network = initialize(1, HIDDEN_UNITS, alpha, rng)
    bends = rng.uniform(-0.05, 1.05, HIDDEN_UNITS).astype(np.float32)
    return TwoLayerNetwork(network.W, -network.W[0] * bends, network.v, network.c)


def train_toy(name: str) -> Outcome:
    """Train one of `RUNS` to interpolation, in seconds, the same every time.

    Raises:
        RuntimeError: it did not reach ε, so Figure 1 would not show what it says.
    """
    toy, data = RUNS[name], training_set()
    recipe = Recipe(
        dataset="toy",
        engine="sparse",
        hidden_units=HIDDEN_UNITS,
        alpha=toy.alpha,
        batch_size=len(data.x),
        epsilon=EPSILON,
        max_epochs=MAX_EPOCHS,
    )
    start = TrainingState(initial_network(toy.alpha))
    run = Run("toy", len(data.x), SEED, NONE, 0.0, toy.learning_rate)
    outcome = train(run, recipe, data, resume_from=start)
    if outcome.status != INTERPOLATED:
        raise RuntimeError(f"the {name} network of Figure 1 ended as {outcome.status}")
    return outcome


def write_networks(path: Path, networks: Mapping[str, TwoLayerNetwork]) -> None:
    """Write the networks to one npz, as ``smooth_W``, ``smooth_beta`` and so on."""
    arrays = {f"{of}_{name}": a for of, n in networks.items() for name, a in vars(n).items()}
    write_npz(path, arrays)


def interval(n: int) -> np.ndarray:
    """Return n even steps from the first data point to the last; shape (n, 1)."""
    x = training_set().x
    return np.linspace(x[0], x[-1], n, dtype=np.float64)


def measure_toy(network: TwoLayerNetwork) -> dict[str, Measurement]:
    """Return the paper's measures of a network, as the study measures its own, on `interval`.

    Segments join two points of it drawn at random. FPL and GPL are exact along each segment: the
    100 grid points of the study are too few for the bends of the rough network.
    """
    points = interval(1001)
    evaluation = draw_evaluation_points(points, N_SAMPLES, generator(stream("toy evaluation")))
    measured = measure(network, evaluation, names=PAPER_TABLE1)
    return {m.measure: m for m in measured if m.estimator == EXACT}
