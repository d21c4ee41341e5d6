"""The contender that needs Keras."""

import time

import keras

from benchmarks import keras_way
from benchmarks.contenders import Contender
from benchmarks.problem import BATCH, GOALS, Problem


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
