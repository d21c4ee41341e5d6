"""The `sparse` engine: SGD on the non-zero pixels of the images, compiled with Numba, on one core.

81 % of the pixels of an MNIST image are 0. The first layer's pre-activations are summed over the
pixels that are not, and W is updated at the pixels that occur in the batch, both in one sweep.
Runs are reproducible to the bit on one type of processor, however their epochs are divided into
calls.

A penalty is a module with a compiled function ``step(parameters, work, m, rate, lambda_,
grid_points)``, called when the moves of the plain loss on a batch of m images are known and before
they are applied. It adds the moves of λ S (see `plain.Work`). The module may have

- ``buffers(sizes, zeros)``, which returns a tuple, ``work.penalty``; sizes is `plain.Sizes`,
- ``SHRINKS = True``: the sweep scales the columns of W, and has their norms ready.
"""

import functools
from pathlib import Path
from types import ModuleType

import numpy as np

from smoothcore.engines import DIVERGED_ABOVE, Objective
from smoothcore.engines.sparse.compiled import compiled
from smoothcore.engines.sparse.images import pack, sort_by_group
from smoothcore.engines.sparse.plain import (
    BLOCK,
    CACHE_LINE,
    Parameters,
    Sizes,
    Work,
    backward,
    make_work,
    move_others,
    no_penalty,
)
from smoothcore.engines.sparse.sweep import make_sweep
from smoothcore.engines.sparse.vectors import PIXELS, ROWS, UNITS
from smoothcore.network.two_layer import TwoLayerNetwork


def _aligned(shape: tuple[int, ...], dtype=np.float32) -> np.ndarray:
    """Return zeros that begin on a cache line, so that no vector straddles two lines."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    buffer = np.zeros(size + CACHE_LINE, np.uint8)
    offset = -buffer.ctypes.data % CACHE_LINE
    return buffer[offset : offset + size].view(dtype).reshape(shape)


def _up(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple


@functools.cache
def _epochs(penalty: ModuleType | None):
    """Return the compiled loop over epochs and mini-batches with one penalty."""
    step = no_penalty if penalty is None else penalty.step
    sweep = make_sweep(getattr(penalty, "SHRINKS", False))

    # without fast-math, which might optimize the test for a finite loss away
    def run(
        parameters, images, work, permutations, start, stop, losses,
        batch_size, rate, lambda_, grid_points, stop_below, diverged_above,
    ):  # fmt: skip
        n = permutations.shape[1]
        before, after = work.one, work.other
        before.first[:] = 0
        pending, ran = 0, 0
        while start + ran < stop:
            order = permutations[start + ran]
            total = 0.0
            for begin in range(0, n, batch_size):
                end = min(begin + batch_size, n)
                m = end - begin
                sort_by_group(images, order, begin, end, work.z.shape[1], after)
                sweep(parameters, before, after, m, pending, work)
                move_c, squared = backward(parameters, images, work, order, begin, end, rate)
                step(parameters, work, m, rate, lambda_, grid_points)
                move_others(parameters, work, m, move_c)
                total += squared
                before, after = after, before
                pending = 1
            losses[ran] = total / n
            ran += 1
            if not stop_below <= total / n <= diverged_above:  # true also of NaN
                break
        after.first[:] = 0
        sweep(parameters, before, after, 0, pending, work)
        return ran

    sources = sorted(Path(__file__).parent.glob("*.py"))
    if penalty is None:
        return compiled(run, "sparse", sources)
    # a penalty may use what others do
    room = Path(str(penalty.__file__)).parents[1]
    return compiled(run, f"sparse-{penalty.__name__}", [*sources, *sorted(room.rglob("*.py"))])


class SparseEngine:
    """Carries out epochs on one training set and objective; see `smoothcore.engines.Engine`."""

    def __init__(
        self, x: np.ndarray, y: np.ndarray, objective: Objective, penalty: ModuleType | None
    ) -> None:
        self._objective, self._penalty = objective, penalty
        self._n, self._d = x.shape
        self._D = _up(self._d, ROWS)
        x, y = (np.ascontiguousarray(array, np.float32) for array in (x, y))
        self._images = pack(x, y, self._D // PIXELS)
        self._work: dict[int, Work] = {}

    def _work_for(self, H: int) -> Work:
        if H not in self._work:
            m = min(self._objective.batch_size, self._n)
            sizes = Sizes(m, self._objective.grid_points, self._D, H)
            buffers = getattr(self._penalty, "buffers", lambda sizes, zeros: ())
            entries = int(np.diff(self._images.first).max(initial=0))
            self._work[H] = make_work(sizes, entries, buffers(sizes, _aligned), _aligned)
        return self._work[H]

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
        if not 0 <= start <= stop <= len(permutations):
            raise ValueError(
                f"the epochs {start} … {stop} are not in a block of {len(permutations)}"
            )
        if network.d != d or permutations.shape[1] != self._n:
            raise ValueError(
                f"the training set is {self._n} × {d}, but the network takes {network.d} inputs "
                f"and a permutation has {permutations.shape[1]} entries"
            )
        H = _up(h, BLOCK)
        W = np.zeros((self._D, H), np.float32)
        W[:d, :h] = network.W
        blocks = _aligned((H // UNITS, self._D, UNITS))
        blocks[:] = W.reshape(self._D, -1, UNITS).swapaxes(0, 1)
        parameters = Parameters(blocks, _aligned((H,)), _aligned((H,)), _aligned((1,)))
        parameters.beta[:h], parameters.v[:h], parameters.c[0] = network.beta, network.v, network.c
        losses = np.empty(stop - start, np.float64)
        objective = self._objective
        ran = _epochs(self._penalty)(
            parameters, self._images, self._work_for(H),
            np.ascontiguousarray(permutations, np.int32), start, stop, losses,
            objective.batch_size, np.float32(objective.learning_rate),
            np.float32(objective.lambda_), objective.grid_points,
            float(stop_below), DIVERGED_ABOVE,
        )  # fmt: skip
        W = blocks.swapaxes(0, 1).reshape(self._D, H)
        moved = TwoLayerNetwork(W[:d, :h], parameters.beta[:h], parameters.v[:h], parameters.c[0])
        return moved, losses[:ran].copy()


def create(
    x: np.ndarray, y: np.ndarray, objective: Objective, penalty: ModuleType | None
) -> SparseEngine:
    """Return the engine; arguments as in `smoothcore.engines.create`."""
    return SparseEngine(x, y, objective, penalty)
