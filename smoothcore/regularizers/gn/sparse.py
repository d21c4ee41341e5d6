"""GN for the engine `sparse`: the mean over the batch of ‖W (v ⊙ m(x))‖, m(x) = 1[z(x) > 0]."""

from collections.abc import Callable

import numpy as np

from smoothcore.engines.sparse.norms import Norms, make_norms, move_by_norms
from smoothcore.engines.sparse.plain import BLOCK, Sizes
from smoothcore.engines.sparse.vectors import fast


def buffers(sizes: Sizes, zeros: Callable) -> Norms:
    """Return a row for every image of the batch, in which all units may be on."""
    return make_norms(sizes.m, BLOCK, sizes, sizes.m * sizes.H, zeros)


@fast
def step(parameters, work, m, rate, lambda_, grid_points):
    """Move W by the penalty, and add to the move of v."""
    norms = work.penalty
    H = parameters.v.shape[0]
    total = np.uint32(0)
    for begin in range(0, H, BLOCK):
        for r in range(m):
            z = work.z[r]
            norms.first[begin // BLOCK * m + r] = total
            for i in range(begin, begin + BLOCK):
                # appended, and then counted only if it is on: no branch to mispredict
                norms.unit[total] = i
                norms.sign[total] = np.float32(1.0)
                total += np.uint32(z[i] > np.float32(0.0))
    norms.first[H // BLOCK * m] = total
    move_by_norms(parameters, work, norms, m, np.float32(-rate * lambda_ / m))
