"""Kernels of the `sparse` engine: the plain SGD step on images kept as their non-zero pixels.

Conventions. H is the number of hidden units h rounded up to a multiple of `WIDTH`, D the input
dimension d rounded up to a multiple of `TILE`; what is added has zero weights and keeps them. Row p
of W holds the weights of pixel p. All that is accumulated during a step is a *move*, −rate ×
gradient, so that a parameter's update is ``+=``.
"""

from typing import NamedTuple

import numba
import numpy as np

from smoothcore.engines.sparse.vectors import WIDTH, add_rows, prefetch

#: images are fetched from memory this many ahead of their use
PREFETCH_AHEAD = 2
CACHE_LINE = 64

# Sums may be reordered and contracted to FMA, but infinities and NaN keep their meaning: a run that
# diverges must be seen to diverge.
fast = numba.njit(
    fastmath={"reassoc", "contract", "nsz"},
    error_model="numpy",
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
)


class Parameters(NamedTuple):
    """The network in the layout of the kernels; all float32."""

    W: np.ndarray  # (D, H)
    beta: np.ndarray  # (H,)
    v: np.ndarray  # (H,)
    c: np.ndarray  # (1,)


class Images(NamedTuple):
    """The training set in compressed sparse rows."""

    first: np.ndarray  # (n + 1,) int64: entries first[i] … first[i + 1] − 1 are those of image i
    pixel: np.ndarray  # uint32
    value: np.ndarray  # float32, not 0
    y: np.ndarray  # (n,) float32


class Work(NamedTuple):
    """What the steps of one run compute in; m is the batch size."""

    z: np.ndarray  # (m, H) float32: pre-activations of the batch
    move_z: np.ndarray  # (m, H + padding) float32: moves of the pre-activations
    move_v: np.ndarray  # (H,) float32
    first: np.ndarray  # (D + 1,) uint32: entries first[p] … first[p + 1] − 1 are those of pixel p
    sample: np.ndarray  # uint32: position in the batch
    value: np.ndarray  # float32
    penalty: tuple  # what the step of this regularizer needs besides


@fast
def _prefetch_image(images, i):
    for s in range(images.first[i], images.first[i + 1], CACHE_LINE // 4):
        prefetch(images.pixel, s)
        prefetch(images.value, s)


@fast
def forward_backward(parameters, images, work, order, begin, end, rate):
    """Pre-activations of the batch order[begin:end], and the moves of z, v, c by the plain loss.

    Sets work.z, work.move_z and work.move_v; returns the move of c and the summed squared errors
    in float64.
    """
    v = parameters.v
    H = v.shape[0]
    m = end - begin
    scale = np.float32(-2.0 * rate / m)
    squared = 0.0
    move_c = np.float32(0.0)
    for j in range(H):
        work.move_v[j] = np.float32(0.0)
    for r in range(m):
        i = order[begin + r]
        if begin + r + PREFETCH_AHEAD < order.shape[0]:
            _prefetch_image(images, order[begin + r + PREFETCH_AHEAD])
        z = work.z[r]
        for j in range(H):
            z[j] = parameters.beta[j]
        for j in range(0, H, WIDTH):
            add_rows(
                work.z, r, j, parameters.W, j,
                images.pixel, images.value, images.first[i], images.first[i + 1],
            )  # fmt: skip
        f = np.float32(0.0)
        for j in range(H):
            # written so that a NaN is kept: a diverged run must not look like one with dead units
            f += v[j] * (np.float32(0.0) if z[j] <= np.float32(0.0) else z[j])
        error = f + parameters.c[0] - images.y[i]
        squared += np.float64(error) * np.float64(error)
        move_f = scale * error
        move_c += move_f
        move_z = work.move_z[r]
        for j in range(H):
            active = z[j] > np.float32(0.0)
            move_z[j] = move_f * v[j] if active else np.float32(0.0)
            work.move_v[j] += move_f * z[j] if active else np.float32(0.0)
    return move_c, squared


@fast
def sort_by_pixel(images, work, order, begin, end):
    """Set work.first, work.sample, work.value: the batch's non-zero entries pixel by pixel."""
    first = work.first
    d = first.shape[0] - 1
    for p in range(d + 1):
        first[p] = np.uint32(0)
    for r in range(begin, end):
        i = order[r]
        for s in range(images.first[i], images.first[i + 1]):
            first[images.pixel[s]] += np.uint32(1)
    total = np.uint32(0)
    for p in range(d + 1):
        count = first[p]
        first[p] = total
        total += count
    for r in range(begin, end):
        i = order[r]
        for s in range(images.first[i], images.first[i + 1]):
            p = images.pixel[s]
            at = first[p]
            first[p] = at + np.uint32(1)
            work.sample[at] = r - begin
            work.value[at] = images.value[s]
    for p in range(d, 0, -1):  # each first[p] has been moved to where pixel p + 1 starts
        first[p] = first[p - 1]
    first[0] = np.uint32(0)


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
def move_first_layer(parameters, work):
    """Apply the move of W that the moves of z imply: x ⊗ move_z summed over the batch."""
    W = parameters.W
    for j in range(0, W.shape[1], WIDTH):
        for p in range(W.shape[0]):
            if work.first[p] < work.first[p + 1]:
                add_rows(
                    W, p, j, work.move_z, j,
                    work.sample, work.value, work.first[p], work.first[p + 1],
                )  # fmt: skip


@fast
def plain_step(parameters, images, work, order, begin, end, rate, lambda_, grid_points):
    """One update without a penalty; returns the summed squared errors before it."""
    move_c, squared = forward_backward(parameters, images, work, order, begin, end, rate)
    sort_by_pixel(images, work, order, begin, end)
    move_first_layer(parameters, work)
    move_others(parameters, work, end - begin, move_c)
    return squared


@fast
def add_column_products(A, a, B, b, rows, out):
    """out[j] += Σ_p A[a + p, j] · B[b + p, j], 0 ≤ p < rows; four rows in one pass over out."""
    four = rows // 4 * 4
    for p in range(0, four, 4):
        A0, A1, A2, A3 = A[a + p], A[a + p + 1], A[a + p + 2], A[a + p + 3]
        B0, B1, B2, B3 = B[b + p], B[b + p + 1], B[b + p + 2], B[b + p + 3]
        for j in range(out.shape[0]):
            out[j] += A0[j] * B0[j] + A1[j] * B1[j] + A2[j] * B2[j] + A3[j] * B3[j]
    for p in range(four, rows):
        for j in range(out.shape[0]):
            out[j] += A[a + p, j] * B[b + p, j]
