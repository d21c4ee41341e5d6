"""GN for the engine `sparse`: the mean over the batch of ‖W (v ⊙ m(x))‖, m(x) = 1[z(x) > 0].

Images of one digit switch nearly the same units on. So the batch is divided into two groups, and a
mask says in what it differs from the units that are on at most images of its group.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from smoothcore.engines.sparse.norms import Norms, make_norms, move_by_norms
from smoothcore.engines.sparse.plain import BLOCK, Sizes
from smoothcore.engines.sparse.vectors import fast

GROUPS = 2


class Buffers(NamedTuple):
    """A row of ``norms`` is a group or, after these, an image; group by group."""

    norms: Norms
    image: np.ndarray  # (m,) uint32: the images of the first group, then the others
    distance: np.ndarray  # (m,) uint32: of the mask of each image to that of the first
    mask: np.ndarray  # (GROUPS, H) float32: 1 if a unit is on at most images of the group, else 0


def buffers(sizes: Sizes, zeros: Callable) -> Buffers:
    """Return a row for every image of the batch, in which all units may be on."""
    rows = GROUPS + sizes.m
    return Buffers(
        norms=make_norms(rows, BLOCK, sizes, rows * sizes.H, zeros, GROUPS),
        image=zeros((sizes.m,), np.uint32),
        distance=zeros((sizes.m,), np.uint32),
        mask=zeros((GROUPS, sizes.H)),
    )


@fast
def _distance(z_a, z_b):
    """Return how many units are on at one of two images only."""
    zero, count = np.float32(0.0), np.uint32(0)
    for i in range(z_a.shape[0]):
        count += np.uint32((z_a[i] > zero) != (z_b[i] > zero))
    return count


@fast
def _divide(z, m, image, distance):
    """Put the images nearer to the first one first; return how many they are.

    The others are nearer to the image that differs most from the first.
    """
    other, most = 0, np.uint32(0)
    for r in range(m):
        distance[r] = _distance(z[0], z[r])
        if distance[r] > most:
            other, most = r, distance[r]
    first, last = 0, m
    for r in range(m):
        if _distance(z[other], z[r]) < distance[r]:
            last -= 1
            image[last] = r
        else:
            image[first] = r
            first += 1
    return first


@fast
def step(parameters, work, m, rate, lambda_, grid_points):
    """Move W by the penalty, and add to the move of v."""
    norms, image, distance, mask = work.penalty
    H = parameters.v.shape[0]
    zero, one = np.float32(0.0), np.float32(1.0)
    members = norms.members
    members[0], members[GROUPS] = GROUPS, GROUPS + m
    members[1] = GROUPS + _divide(work.z, m, image, distance)
    for k in range(GROUPS):
        for i in range(H):
            mask[k, i] = zero
        for c in range(members[k], members[k + 1]):
            z = work.z[image[c - GROUPS]]
            for i in range(H):
                mask[k, i] += one if z[i] > zero else zero
        half = np.float32(members[k + 1] - members[k]) / np.float32(2.0)
        for i in range(H):
            mask[k, i] = one if mask[k, i] > half else zero
    total, row = np.uint32(0), 0
    for begin in range(0, H, BLOCK):
        for k in range(GROUPS):
            norms.first[row] = total
            row += 1
            for i in range(begin, begin + BLOCK):
                # appended, and then counted only if it is an entry: no branch to mispredict
                norms.unit[total], norms.sign[total] = i, one
                total += np.uint32(mask[k, i] > zero)
        for k in range(GROUPS):
            for c in range(members[k], members[k + 1]):
                z = work.z[image[c - GROUPS]]
                norms.first[row] = total
                row += 1
                for i in range(begin, begin + BLOCK):
                    entry = (one if z[i] > zero else zero) - mask[k, i]
                    norms.unit[total], norms.sign[total] = i, entry
                    total += np.uint32(entry != zero)
    norms.first[row] = total
    move_by_norms(parameters, work, norms, GROUPS + m, np.float32(-rate * lambda_ / m))
