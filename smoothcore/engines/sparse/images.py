"""The training images as the `sparse` engine keeps them: the pixels that are not 0, as bytes."""

from typing import NamedTuple

import numpy as np

from smoothcore.engines.sparse.vectors import PIXELS, decode_group, fast, prefetch

_CACHE_LINE = 64
#: images that are looked at together when they are packed
_CHUNK = 256


class Images(NamedTuple):
    """The training set. An entry is a group of `PIXELS` neighbouring pixels that are not all 0."""

    first: np.ndarray  # (n + 1,) int64: entries first[i] … first[i + 1] − 1 are those of image i
    group: np.ndarray  # unsigned: the pixels from PIXELS · group on
    code: np.ndarray  # (PIXELS · entries,) uint8, value · scale; or float32, the values themselves
    scale: np.float32
    y: np.ndarray  # (n,) float32


def _scale(x: np.ndarray) -> np.float32 | None:
    """Return the least s ≤ 255 such that every value of x is k / s, k ≤ 255; None if none is."""
    seen = np.zeros(1, np.float32)
    for begin in range(0, len(x), _CHUNK):
        part = x[begin : begin + _CHUNK]
        seen = np.union1d(seen, part[part != 0])
        if len(seen) > 256 or not 0 <= seen[0] <= seen[-1] <= 255:  # true also of NaN
            return None
    for scale in np.arange(1, 256, dtype=np.float32):
        code = np.rint(seen * scale)
        if code[-1] <= 255 and np.array_equal(code / scale, seen):
            return scale
    return None


def pack(x: np.ndarray, y: np.ndarray, groups: int) -> Images:
    """Return the images x (n, d) and targets y (n,), both float32, with ``groups`` pixel groups."""
    n, d = x.shape
    scale = _scale(x)
    counts, group, code = [np.zeros(1, np.int64)], [], []
    for begin in range(0, n, _CHUNK):
        part = np.zeros((min(_CHUNK, n - begin), groups * PIXELS), np.float32)
        part[:, :d] = x[begin : begin + _CHUNK]
        part = part.reshape(len(part), groups, PIXELS)
        used = (part != 0).any(axis=2)
        counts.append(np.count_nonzero(used, axis=1))
        group.append(np.nonzero(used)[1].astype(np.min_scalar_type(groups)))
        values = part[used].ravel()
        code.append(values if scale is None else np.rint(values * scale).astype(np.uint8))
    return Images(
        np.cumsum(np.concatenate(counts)),
        np.concatenate(group),
        np.concatenate(code),
        np.float32(1 if scale is None else scale),
        y,
    )


@fast
def sort_by_group(images, order, begin, end, stride, entries):
    """Set ``entries`` to those of the images order[begin:end]; ``stride`` is that of z."""
    first = entries.first
    groups = first.shape[0] - 1
    one = np.uint32(1)
    for g in range(groups + 1):
        first[g] = np.uint32(0)
    for r in range(begin, end):
        i = order[r]
        for s in range(images.first[i], images.first[i + 1]):
            first[images.group[s]] += one
    total = np.uint32(0)
    for g in range(groups + 1):
        count = first[g]
        first[g] = total
        total += count
    for r in range(begin, end):
        i = order[r]
        if r + end - begin < order.shape[0]:  # an image of the next batch
            _prefetch_image(images, order[r + end - begin])
        for s in range(images.first[i], images.first[i + 1]):
            g = images.group[s]
            at = first[g]
            first[g] = at + one
            entries.offset[at] = np.uint32((r - begin) * stride)
            decode_group(images.code, s, images.scale, entries.value, at)
    for g in range(groups, 0, -1):  # each first[g] has been moved to where group g + 1 starts
        first[g] = first[g - 1]
    first[0] = np.uint32(0)


@fast
def _prefetch_image(images, i):
    start, stop = images.first[i], images.first[i + 1]
    for s in range(start, stop, _CACHE_LINE // images.group.itemsize):
        prefetch(images.group, s)
    for s in range(start, stop, _CACHE_LINE // (PIXELS * images.code.itemsize)):
        prefetch(images.code, PIXELS * s)
