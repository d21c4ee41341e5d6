"""The engine ``tensorflow``: whole epochs compiled by XLA, with no Python between the steps.

One `tf.function(jit_compile=True)` holds the loop over epochs, the loop over full batches, the step
on the short last batch and the tests that end a run early. It is compiled once for a training set
and a block shape; which epochs of the block to run, and the screen ε, are arguments. It runs on the
device TensorFlow chooses: a GPU where there is one (tried on CPUs only).

Pixels that are 0 in every training image get no gradient from the loss. Their rows of W are kept
apart: they enter no product of the loss, and where the penalty does not touch them either (none,
FPL) they are left out altogether. That changes nothing of the trajectory and saves a quarter of
the arithmetic on a digit pair.
"""

import contextlib
from types import ModuleType

import numpy as np

from smoothcore.engines import DIVERGED_ABOVE, Objective
from smoothcore.engines.tensorflow.gradients import weighted_gradient
from smoothcore.engines.tensorflow.library import tf
from smoothcore.network.two_layer import TwoLayerNetwork


def create(
    x: np.ndarray, y: np.ndarray, objective: Objective, penalty: ModuleType | None
) -> "TensorFlowEngine":
    """Return the engine; arguments as in `smoothcore.engines.create`.

    TensorFlow is told to use one thread. It takes that only before its first operation: in a
    process that has used TensorFlow already, its threads stay as they are (results do not depend
    on that within one process; speed and the last bits of a product may).
    """
    for set_threads in (
        tf.config.threading.set_intra_op_parallelism_threads,
        tf.config.threading.set_inter_op_parallelism_threads,
    ):
        with contextlib.suppress(RuntimeError):  # "cannot be modified after initialization"
            set_threads(1)
    return TensorFlowEngine(x, y, objective, penalty)


class TensorFlowEngine:
    """Mini-batch SGD on one training set; see `smoothcore.engines.Engine`."""

    def __init__(
        self, x: np.ndarray, y: np.ndarray, objective: Objective, penalty: ModuleType | None
    ) -> None:
        self._objective, self._penalty = objective, penalty
        self._n = len(x)
        used = np.any(x != 0, axis=0)
        self._rows_used = np.flatnonzero(used)
        self._rows_unused = np.flatnonzero(~used)
        self._has_unused_part = (
            getattr(penalty, "ACTS_ON_ALL_ROWS", False) and len(self._rows_unused) > 0
        )
        self._x = tf.constant(np.ascontiguousarray(x[:, used], dtype=np.float32))
        self._y = tf.constant(y, dtype=tf.float32)
        self._compiled = tf.function(self._epochs, jit_compile=True, autograph=False)

    @property
    def trace_count(self) -> int:
        """How often the epoch loop has been traced and compiled: once per block shape."""
        return self._compiled.experimental_get_tracing_count()

    def run_epochs(
        self,
        network: TwoLayerNetwork,
        permutations: np.ndarray,
        start: int,
        stop: int,
        stop_below: float,
    ) -> tuple[TwoLayerNetwork, np.ndarray]:
        """Run the epochs ``start`` … ``stop − 1``; see `smoothcore.engines.Engine.run_epochs`."""
        W_parts = [network.W[self._rows_used]]
        if self._has_unused_part:
            W_parts.append(network.W[self._rows_unused])
        parameters, losses, ended = self._compiled(
            self._x,
            self._y,
            [tf.constant(p) for p in (*W_parts, network.beta, network.v, network.c)],
            tf.constant(permutations, dtype=tf.int32),
            tf.constant(start, dtype=tf.int32),
            tf.constant(stop, dtype=tf.int32),
            tf.constant(stop_below, dtype=tf.float64),
        )
        *W_parts, beta, v, c = (p.numpy() for p in parameters)
        W = network.W.copy()
        W[self._rows_used] = W_parts[0]
        if self._has_unused_part:
            W[self._rows_unused] = W_parts[1]
        return TwoLayerNetwork(W, beta, v, c), losses.numpy()[start : int(ended)]

    def _epochs(self, x, y, parameters, permutations, start, stop, stop_below):
        """Build the graph of `run_epochs`; parameters are [W part, …, β, v, c]."""
        full_batches, rest = divmod(self._n, self._objective.batch_size)

        def batch(epoch, first, size, parameters):
            index = tf.reshape(tf.slice(permutations, [epoch, first], [1, size]), [size])
            return self._step(parameters, tf.gather(x, index), tf.gather(y, index))

        def one_epoch(epoch, running, losses, parameters):
            def full_batch(i, squared, parameters):
                parameters, more = batch(
                    epoch, i * self._objective.batch_size, self._objective.batch_size, parameters
                )
                return i + 1, squared + more, parameters

            squared = tf.constant(0, tf.float64)
            if full_batches:
                _, squared, parameters = tf.while_loop(
                    lambda i, *_: i < full_batches, full_batch, (0, squared, parameters)
                )
            if rest:
                parameters, more = batch(
                    epoch, full_batches * self._objective.batch_size, rest, parameters
                )
                squared += more
            running = squared / self._n
            return epoch + 1, running, losses.write(epoch, running), parameters

        def goes_on(epoch, running, losses, parameters):
            # both comparisons are false for NaN; the first epoch has no predecessor to judge
            in_range = (running >= stop_below) & (running <= DIVERGED_ABOVE)
            return (epoch < stop) & ((epoch == start) | in_range)

        losses = tf.TensorArray(tf.float64, size=permutations.shape[0], element_shape=())
        ended, _, losses, parameters = tf.while_loop(
            goes_on, one_epoch, (start, tf.constant(0, tf.float64), losses, parameters)
        )
        return parameters, losses.stack(), ended

    def _step(self, parameters, x, y):
        """Build one update; return the parameters after it and the summed squared errors before."""
        *W_parts, beta, v, c = parameters
        z = tf.matmul(x, W_parts[0]) + beta
        hidden = tf.nn.relu(z)
        error = tf.linalg.matvec(hidden, v) + c - y
        df = error * (2 / x.shape[0])
        penalty = weighted_gradient(W_parts, v, z, self._objective, self._penalty)
        dz = tf.where(z > 0, df[:, None] * v, 0.0) + penalty.z
        dW_parts = list(penalty.W)
        dW_parts[0] += tf.matmul(x, dz, transpose_a=True)
        gradient = [
            *dW_parts,
            tf.reduce_sum(dz, axis=0),
            tf.linalg.matvec(hidden, df, transpose_a=True) + penalty.v,
            tf.reduce_sum(df),
        ]
        rate = self._objective.learning_rate
        updated = [p - rate * g for p, g in zip(parameters, gradient, strict=True)]
        return updated, tf.reduce_sum(tf.cast(error, tf.float64) ** 2)
