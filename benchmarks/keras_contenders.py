"""The contenders that need Keras: `fit`, and the measures by automatic differentiation."""

import time

import keras

from benchmarks import keras_way
from benchmarks import problem as problems
from benchmarks.problem import BATCH, GOALS, Problem
from benchmarks.repeated import Contender, timed
from smoothcore import measures
from smoothcore.keras_models import autodiff
from smoothcore.keras_models.conversion import to_keras
from smoothcore.network.seeds import generator, stream


class _EpochTime(keras.callbacks.Callback):
    """The seconds of an epoch as part of a long ``fit``, without what ``fit`` does once."""

    def on_epoch_begin(self, epoch, logs=None):
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds = time.perf_counter() - self._began


def fit(problem: Problem, regularizer: str, tuned: bool) -> Contender:
    """Epochs of ``keras.Model.fit``."""
    model = keras_way.compiled(problem.network, GOALS[regularizer], tuned=tuned)
    clock = _EpochTime()

    def run(repeats: int) -> float:
        seconds = 0.0
        for _ in range(repeats):
            model.fit(problem.x, problem.y, batch_size=BATCH, verbose=0, callbacks=[clock])
            seconds += clock.seconds
        return seconds

    return Contender(run, -(-len(problem.x) // BATCH))


def autodiff_measures(folder: str, n_samples: int, grid_points: int) -> Contender:
    """The sampled GN, FPL and GPL of one network by `smoothcore.keras_models.autodiff`."""
    x_test = problems.test_images(folder)
    model = to_keras(problems.read_network(folder))
    points = measures.draw_evaluation_points(x_test, n_samples, generator(stream("benchmark")))
    names = ("GN", "FPL", "GPL")
    return Contender(timed(lambda: autodiff.measure(model, points, grid_points, names)), 1)


KINDS = {"keras_fit": fit, "keras_autodiff": autodiff_measures}
