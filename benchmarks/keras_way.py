"""The training of the paper as one would write it with Keras: a model, a penalty, `fit`.

This is what the engines are compared with. The penalties are the definitions of
`smoothcore.regularizers`, with the gradient ∇f(x) by automatic differentiation.
"""

import time

import keras
import tensorflow as tf
from keras import ops

from benchmarks.contenders import Contender
from benchmarks.problem import BATCH, GOALS, Problem
from smoothcore.engines import Objective
from smoothcore.regularizers import NONE

#: below this the norm of a vector counts as 0; the derivative of the square root is infinite at 0
_TINY = 1e-24


def input_gradient(network: keras.Model, x: tf.Tensor, tuned: bool) -> tf.Tensor:
    """Return ∇f(x), shape (m, d), by the Jacobian of each sample.

    ``tuned``: as the gradient of Σ f(x): cheaper, where samples are apart.
    """
    with tf.GradientTape() as tape:
        tape.watch(x)
        f = network(x)
    return tape.gradient(f, x) if tuned else tape.batch_jacobian(f, x)[:, 0]


def _norm(u):
    return ops.sqrt(ops.maximum(ops.sum(u * u, axis=-1), _TINY))


def _segments(x):
    half = ops.shape(x)[0] // 2
    return x[:half], x[half : 2 * half]


def _path(x, grid_points: int):
    """Return the grid on all segments, (n · segments, d), and the number of segments."""
    a, b = _segments(x)
    t = ops.linspace(0.0, 1.0, grid_points)[:, None, None]
    return ops.reshape((1 - t) * a + t * b, (-1, x.shape[-1])), ops.shape(a)[0]


class Penalized(keras.Model):
    """A two-layer network trained on L + λ S, S the penalty of a regularizer."""

    def __init__(self, d: int, h: int, objective: Objective, regularizer: str, tuned: bool):
        super().__init__()
        self.network = keras.Sequential(
            [keras.Input((d,)), keras.layers.Dense(h, activation="relu"), keras.layers.Dense(1)]
        )
        self.objective = objective
        self.regularizer = regularizer
        self.tuned = tuned

    def call(self, x, training=False):
        """Return f(x), shape (m, 1); in training add λ S of the batch to the loss."""
        if training and self.regularizer != NONE:
            self.add_loss(self.objective.lambda_ * self.penalty(x))
        return self.network(x)

    def penalty(self, x):
        """Return S of a batch x (m, d)."""
        return {
            "GN": self._gn,
            "FPL": self._fpl,
            "GPL": self._gpl,
            "GPL-exact": self._gpl_exact,
            "WP": self._wp,
        }[self.regularizer](x)

    def _gn(self, x):
        return ops.mean(_norm(input_gradient(self.network, x, self.tuned)))

    def _fpl(self, x):
        path, segments = _path(x, self.objective.grid_points)
        f = ops.reshape(self.network(path), (self.objective.grid_points, segments))
        return ops.mean(ops.sum(ops.abs(f[1:] - f[:-1]), axis=0))

    def _gpl(self, x):
        path, segments = _path(x, self.objective.grid_points)
        gradient = input_gradient(self.network, path, self.tuned)
        gradient = ops.reshape(gradient, (self.objective.grid_points, segments, x.shape[-1]))
        return ops.mean(ops.sum(_norm(gradient[1:] - gradient[:-1]), axis=0))

    def _unit_norms(self):
        hidden, output = self.network.layers
        return ops.abs(output.kernel[:, 0]) * _norm(ops.transpose(hidden.kernel))

    def _gpl_exact(self, x):
        a, b = (self.network.layers[0](end) > 0 for end in _segments(x))
        crossed = ops.cast(ops.not_equal(a, b), "float32")
        return ops.mean(ops.sum(crossed * self._unit_norms(), axis=1))

    def _wp(self, x):
        return ops.sum(self._unit_norms())


def compiled(network, objective: Objective, regularizer: str, *, tuned: bool) -> Penalized:
    """Return a Keras model that starts from a `TwoLayerNetwork`, ready for ``fit``.

    ``tuned`` is what one can ask of Keras without leaving it: compiled by XLA, 26 steps per call,
    and the cheaper way to the gradient with respect to the input.
    """
    model = Penalized(network.d, network.h, objective, regularizer, tuned)
    hidden, output = model.network.layers
    hidden.set_weights([network.W, network.beta])
    output.set_weights([network.v[:, None], network.c[None]])
    settings = {"jit_compile": True, "steps_per_execution": 26} if tuned else {}
    model.compile(optimizer=keras.optimizers.SGD(objective.learning_rate), loss="mse", **settings)
    return model


class _EpochTime(keras.callbacks.Callback):
    """The seconds of an epoch as part of a long ``fit``, without what ``fit`` does once."""

    def on_epoch_begin(self, epoch, logs=None):
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds = time.perf_counter() - self._began


def fit(problem: Problem, regularizer: str, tuned: bool) -> Contender:
    """Epochs of ``keras.Model.fit``."""
    model = compiled(problem.network, GOALS[regularizer], regularizer, tuned=tuned)
    clock = _EpochTime()

    def run(repeats: int) -> float:
        seconds = 0.0
        for _ in range(repeats):
            model.fit(problem.x, problem.y, batch_size=BATCH, verbose=0, callbacks=[clock])
            seconds += clock.seconds
        return seconds

    return Contender(run, -(-len(problem.x) // BATCH))
