"""The `sparse` engine: SGD on the non-zero pixels of the images, compiled with Numba, on one core.

81 % of the pixels of an MNIST image are 0. The first layer's pre-activations are summed over the
pixels that are not, and W is updated at the pixels that occur in the batch. Runs are reproducible
to the bit on one type of processor, however their epochs are divided into calls.
"""

import contextlib
import functools
from pathlib import Path
from types import ModuleType

import numpy as np

from smoothcore.engines import DIVERGED_ABOVE, Objective
from smoothcore.engines.sparse import compiled, kernels
from smoothcore.engines.sparse.kernels import CACHE_LINE, Images, Parameters, Work
from smoothcore.engines.sparse.vectors import TILE, WIDTH
from smoothcore.network.two_layer import TwoLayerNetwork

#: all of the engine whose text determines the compiled code
_SOURCES = tuple(map(str, sorted(Path(__file__).parent.glob("*.py"))))


def _aligned(shape: tuple[int, ...], dtype=np.float32) -> np.ndarray:
    """Return zeros that begin on a cache line, so that no vector straddles two lines."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    buffer = np.zeros(size + CACHE_LINE, np.uint8)
    offset = -buffer.ctypes.data % CACHE_LINE
    return buffer[offset : offset + size].view(dtype).reshape(shape)


def _up(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple


def _one_blas_thread(penalty: ModuleType | None) -> contextlib.AbstractContextManager:
    """Keep dense products inside compiled code on one core, and their sums in one order."""
    if not getattr(penalty, "USES_BLAS", False):
        return contextlib.nullcontext()
    import scipy.linalg.cython_blas  # noqa: F401 - the BLAS of compiled code; loaded, it can be limited
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1, "blas")


@functools.cache
def _epochs(penalty: ModuleType | None):
    """Return the compiled loop over epochs and mini-batches with one penalty."""
    step = penalty.step if penalty else kernels.plain_step
    name = penalty.__name__.split(".")[-2] if penalty else "none"
    sources = (*_SOURCES, penalty.__file__) if penalty else _SOURCES

    # without fast-math, which might optimize the test for a finite loss away
    def run(
        parameters, images, work, permutations, start, stop, losses,
        batch_size, rate, lambda_, grid_points, stop_below, diverged_above,
    ):  # fmt: skip
        n = permutations.shape[1]
        for epoch in range(start, stop):
            total = 0.0
            for begin in range(0, n, batch_size):
                end = min(begin + batch_size, n)
                total += step(
                    parameters, images, work, permutations[epoch], begin, end,
                    rate, lambda_, grid_points,
                )  # fmt: skip
            losses[epoch - start] = total / n
            if not stop_below <= total / n <= diverged_above:  # true also of NaN
                return epoch - start + 1
        return stop - start

    return compiled.compiled(run, f"sparse-{name}", sources)


def _sparse_rows(x: np.ndarray, y: np.ndarray) -> Images:
    """Return the entries of x that are not 0, in compressed sparse rows."""
    first = np.concatenate([[0], np.cumsum(np.count_nonzero(x, axis=1))]).astype(np.int64)
    pixel = np.nonzero(x)[1].astype(np.uint32)
    return Images(first, pixel, x[x != 0], y)


class SparseEngine:
    """Carries out epochs on one training set and objective; see `smoothcore.engines.Engine`."""

    def __init__(
        self, x: np.ndarray, y: np.ndarray, objective: Objective, penalty: ModuleType | None
    ) -> None:
        self._objective, self._penalty = objective, penalty
        x = np.ascontiguousarray(x, np.float32)
        self._images = _sparse_rows(x, np.ascontiguousarray(y, np.float32))
        self._n, self._d = x.shape
        self._most = int(np.count_nonzero(x, axis=1).max(initial=0))
        self._work: dict[int, Work] = {}

    def _work_for(self, units: int) -> Work:
        if units not in self._work:
            objective = self._objective
            m = min(objective.batch_size, self._n)
            rows = _up(self._d, TILE)
            make = getattr(self._penalty, "buffers", lambda *sizes: ())
            self._work[units] = Work(
                z=_aligned((m, units)),
                # rows of one cache line more than the units, which is what keeps the same columns
                # of different rows from competing for the same places in the cache
                move_z=_aligned((m, units + CACHE_LINE // 4)),
                move_v=_aligned((units,)),
                first=_aligned((rows + 1,), np.uint32),
                sample=_aligned((m * self._most,), np.uint32),
                value=_aligned((m * self._most,)),
                penalty=make(m, objective.grid_points, rows, units, _aligned),
            )
        return self._work[units]

    def run_epochs(
        self,
        network: TwoLayerNetwork,
        permutations: np.ndarray,
        start: int,
        stop: int,
        stop_below: float,
    ) -> tuple[TwoLayerNetwork, np.ndarray]:
        """Run the epochs ``start`` … ``stop − 1``; see `smoothcore.engines.Engine.run_epochs`."""
        d, h = self._d, network.h
        if network.d != d or permutations.shape[1] != self._n:
            raise ValueError(
                f"the training set is {self._n} × {d}, but the network takes {network.d} inputs "
                f"and a permutation has {permutations.shape[1]} entries"
            )
        units = _up(h, WIDTH)
        W, beta, v = _aligned((_up(d, TILE), units)), _aligned((units,)), _aligned((units,))
        parameters = Parameters(W, beta, v, c=_aligned((1,)))
        W[:d, :h], beta[:h], v[:h], parameters.c[0] = network.W, network.beta, network.v, network.c
        losses = np.empty(stop - start, np.float64)
        objective = self._objective
        with _one_blas_thread(self._penalty):
            ran = _epochs(self._penalty)(
                parameters, self._images, self._work_for(units),
                np.ascontiguousarray(permutations, np.int32), start, stop, losses,
                objective.batch_size, np.float32(objective.learning_rate),
                np.float32(objective.lambda_), objective.grid_points,
                float(stop_below), DIVERGED_ABOVE,
            )  # fmt: skip
        moved = TwoLayerNetwork(W[:d, :h].copy(), beta[:h].copy(), v[:h].copy(), parameters.c[0])
        return moved, losses[:ran].copy()


def create(
    x: np.ndarray, y: np.ndarray, objective: Objective, penalty: ModuleType | None
) -> SparseEngine:
    """Return the engine; arguments as in `smoothcore.engines.create`.

    ``penalty`` has a compiled ``step``, and ``buffers`` where it keeps something between its parts.
    """
    return SparseEngine(x, y, objective, penalty)
