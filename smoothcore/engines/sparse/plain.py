"""The plain SGD step of the `sparse` engine, but for what happens to W: see `sweep`.

Conventions. H is the number of hidden units h rounded up to a multiple of `BLOCK`, D the input
dimension d rounded up to a multiple of `ROWS`; what is added has zero weights and keeps them. All
that is accumulated during a step is a *move*, −rate × gradient, so that a parameter's update is
``+=``.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from smoothcore.engines.sparse.sweep import Entries
from smoothcore.engines.sparse.vectors import PIXELS, fast

CACHE_LINE = 64
#: a multiple of `UNITS` on every processor, and units whose weights of `ROWS` pixels fit into the
#: fastest cache
BLOCK = 64


class Sizes(NamedTuple):
    """What the size of a buffer can depend on; m is the largest batch."""

    m: int
    grid_points: int
    D: int
    H: int


class Parameters(NamedTuple):
    """The network in the layout of the kernels; all float32."""

    W: np.ndarray  # (H / UNITS, D, UNITS)
    beta: np.ndarray  # (H,)
    v: np.ndarray  # (H,)
    c: np.ndarray  # (1,)


class Work(NamedTuple):
    """What the steps of one run compute in; m is the batch size, all float32.

    A penalty adds to the moves, or sets shrink; or it moves W itself.
    """

    z: np.ndarray  # (m, H + padding): pre-activations of the batch
    move_z: np.ndarray  # (m, H + padding): moves of the pre-activations
    move_v: np.ndarray  # (H,)
    shrink: np.ndarray  # (H,): w_i moves by shrink_i · w_i, if the penalty shrinks
    squared_norm: np.ndarray  # (H,): ‖w_i‖², if the penalty shrinks
    one: Entries  # the entries of the batch, and of the next one, in turns
    other: Entries
    penalty: tuple  # what the penalty needs besides


def make_work(sizes: Sizes, entries: int, penalty: tuple, zeros: Callable) -> Work:
    """Return the buffers of a run, ``entries`` of each image, made with ``zeros(shape, dtype)``."""
    m, _, D, H = sizes
    # rows of one cache line more than the units, which is what keeps the same columns of different
    # rows from competing for the same places in the cache
    wide = (m, H + CACHE_LINE // 4)
    one, other = (
        Entries(
            first=zeros((D // PIXELS + 1,), np.uint32),
            offset=zeros((m * entries,), np.uint32),
            value=zeros((m * entries * PIXELS,)),
        )
        for _ in range(2)
    )
    return Work(
        z=zeros(wide), move_z=zeros(wide), move_v=zeros((H,)), shrink=zeros((H,)),
        squared_norm=zeros((H,)), one=one, other=other, penalty=penalty,
    )  # fmt: skip


@fast
def backward(parameters, images, work, order, begin, end, rate):
    """Set the moves of z and v by the plain loss on the batch order[begin:end], whose z is there.

    Returns the move of c, and the summed squared errors in float64.
    """
    v = parameters.v
    H = v.shape[0]
    m = end - begin
    zero = np.float32(0.0)
    scale = np.float32(-2.0 * rate / m)
    squared = 0.0
    move_c = zero
    for j in range(H):
        work.move_v[j] = zero
    for r in range(m):
        z = work.z[r]
        f = zero
        for j in range(H):
            # written so that a NaN is kept: a diverged run must not look like one with dead units
            f += v[j] * (zero if z[j] <= zero else z[j])
        error = f + parameters.c[0] - images.y[order[begin + r]]
        squared += np.float64(error) * np.float64(error)
        move_f = scale * error
        move_c += move_f
        move_z = work.move_z[r]
        for j in range(H):
            # both products first: a choice between values needs no branch
            by_v, by_z = move_f * v[j], move_f * z[j]
            active = z[j] > zero
            move_z[j] = by_v if active else zero
            work.move_v[j] += by_z if active else zero
    return move_c, squared


@fast
def move_others(parameters, work, m, move_c):
    """Apply the moves of β (the sum of those of z over the batch), v and c."""
    H = parameters.v.shape[0]
    for r in range(m):
        move_z = work.move_z[r]
        for j in range(H):
            parameters.beta[j] += move_z[j]
    for j in range(H):
        parameters.v[j] += work.move_v[j]
    parameters.c[0] += move_c


@fast
def no_penalty(parameters, work, m, rate, lambda_, grid_points):
    """Add nothing to the moves."""
