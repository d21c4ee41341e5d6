"""Segments seen through the first layer of a network, and the path lengths on them.

On a segment x(t) = (1 − t) a + t b the pre-activations z(t) = (1 − t) z(a) + t z(b) are linear in
t, so every unit crosses zero at most once: two forward passes of the first layer give everything
there is to know, however fine the grid.
"""

from functools import cached_property

import numpy as np

from smoothcore.measures._units import Units
from smoothcore.network.two_layer import TwoLayerNetwork

#: crossings of one segment whose times differ by less than this are one crossing (rounding in t)
COINCIDENCE = 1e-12

_ROWS_AT_ONCE = 1024


def combination_norms(combinations, basis: np.ndarray) -> np.ndarray:
    """Return ‖q B‖ for each row q of a dense or sparse matrix (n, h); shape (n,)."""
    norms = np.empty(combinations.shape[0])
    for start in range(0, len(norms), _ROWS_AT_ONCE):
        block = combinations[start : start + _ROWS_AT_ONCE]
        # masks become numbers, for BLAS
        gradients = block.astype(np.float64, copy=False) @ basis
        norms[start : start + _ROWS_AT_ONCE] = np.sqrt(np.einsum("ij,ij->i", gradients, gradients))
    return norms


def _sums(index: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    """Return the sum of the values at each index 0 … n − 1; float64 even of no value at all."""
    return np.bincount(index, values, n).astype(np.float64, copy=False)


class Segments:
    """Segments seen through the first layer: z at both ends and the crossings in between.

    ``z_start`` and ``z_end`` are (N, h).
    """

    def __init__(self, units: Units, z_start: np.ndarray, z_end: np.ndarray) -> None:
        self.units, self.z_start, self.z_end = units, z_start, z_end
        self.crosses = (z_start > 0) != (z_end > 0)
        # each crossing once, in the order of (segment, unit)
        self.segment, self.unit = np.nonzero(self.crosses)
        self.z_a = z_start[self.crosses]
        self.z_b = z_end[self.crosses]
        self.on = self.z_b > 0
        self.time = self.z_a / (self.z_a - self.z_b)

    @classmethod
    def between(cls, network: TwoLayerNetwork, starts: np.ndarray, ends: np.ndarray) -> "Segments":
        """Return the segments from ``starts`` to ``ends``, both (N, d)."""
        units = Units(network)
        z = (units.network.preactivations(np.asarray(x, np.float64)) for x in (starts, ends))
        return cls(units, *z)

    def __len__(self) -> int:
        return len(self.z_start)

    @cached_property
    def times(self) -> tuple[np.ndarray, np.ndarray]:
        """The units of each segment in the order in which they cross, and when; both (N, h).

        Units that do not cross come last, at t = 1.
        """
        times = np.ones(self.z_start.shape)
        times[self.crosses] = self.time
        order = np.argsort(np.where(self.crosses, times, np.inf), axis=1)
        return order, np.take_along_axis(times, order, axis=1)

    def lengths_exact(self) -> np.ndarray:
        """TV of f: |f'(t)| integrated over the pieces between crossings."""
        order, times = self.times
        rise = self.z_end - self.z_start
        # switching on adds v·rise (rise > 0), switching off takes v·rise away (rise < 0)
        change = np.where(self.crosses, self.units.network.v * np.abs(rise), 0)
        # piece j of a segment begins at its j-th crossing (piece 0 at t = 0) and has one slope
        slope = np.empty((len(self), self.units.network.h + 1))
        slope[:, 0] = np.where(self.z_start > 0, rise, 0) @ self.units.network.v
        slope[:, 1:] = np.take_along_axis(change, order, axis=1)
        np.cumsum(slope, axis=1, out=slope)
        return np.einsum("ij,ij->i", np.abs(slope), np.diff(times, axis=1, prepend=0, append=1))

    def lengths_sampled(self, n: int) -> np.ndarray:
        """Σ_k |Δf|, with f(t_k) = (1 − t_k) ⟨v ⊙ m(t_k), z(a)⟩ + t_k ⟨v ⊙ m(t_k), z(b)⟩ + c."""
        cell = self.segment * n + self._first_grid_point_after(n)
        change = np.where(self.on, 1.0, -1.0) * self.units.network.v[self.unit]

        def masked_sum(z: np.ndarray, z_crossing: np.ndarray) -> np.ndarray:
            """⟨v ⊙ m(t_k), z⟩ at every grid point, from its changes; shape (N, n)."""
            total = _sums(cell, change * z_crossing, len(self) * n).reshape(-1, n)
            total[:, 0] += np.where(self.z_start > 0, z, 0) @ self.units.network.v
            return np.cumsum(total, axis=1, out=total)

        t = np.arange(n) / (n - 1)
        f = (1 - t) * masked_sum(self.z_start, self.z_a) + t * masked_sum(self.z_end, self.z_b)
        return np.abs(np.diff(f, axis=1)).sum(axis=1)

    def gradient_lengths_sampled(self, n: int) -> np.ndarray:
        """Σ_k ‖W (v ⊙ Δm)‖: units that cross in one grid cell are added before the norm."""
        cell = self.segment * n + self._first_grid_point_after(n)
        return self._jump_norms(cell, len(self) * n).reshape(-1, n).sum(axis=1)

    def gradient_lengths_exact(self) -> np.ndarray:
        """TV of ∇f: only units that cross at the same t in the same direction are added first."""
        lengths = self.crosses @ self.units.jumps
        order, times = self.times
        both_cross = np.take_along_axis(self.crosses, order, axis=1)[:, 1:]
        close = (np.diff(times, axis=1) <= COINCIDENCE) & both_cross
        if (segments := np.flatnonzero(close.any(axis=1))).size:
            few = Segments(self.units, self.z_start[segments], self.z_end[segments])
            lengths[segments] = few._gradient_lengths_with_coincidences()
        return lengths

    def _gradient_lengths_with_coincidences(self) -> np.ndarray:
        order = np.lexsort((self.time, self.on, self.segment))
        segment, on, time = self.segment[order], self.on[order], self.time[order]
        apart = (np.diff(segment) != 0) | (np.diff(on) != 0) | (np.diff(time) > COINCIDENCE)
        first = np.concatenate(([True], apart))
        jump = np.empty(len(order), np.intp)
        jump[order] = np.cumsum(first) - 1
        norms = self._jump_norms(jump, int(np.count_nonzero(first)))
        return _sums(segment[first], norms, len(self))

    def _first_grid_point_after(self, n: int) -> np.ndarray:
        """Return the first k ≥ 1 at which each crossing shows in m(t_k).

        The last step is decided by the sign of z(t_k) itself, so that a unit that crosses at a grid
        point, where m(t_k) = 0, is counted on the right side of it in spite of rounding in t.
        """
        if n < 2:
            raise ValueError(f"a grid needs at least 2 points, got {n}")
        k = np.floor(self.time * (n - 1)).astype(np.intp)
        for _ in range(2):
            t = k / (n - 1)
            k += (((1 - t) * self.z_a + t * self.z_b) > 0) != self.on
        return k

    def _jump_norms(self, jump: np.ndarray, n_jumps: int) -> np.ndarray:
        """Return ‖Σ ± v_i w_i‖ over the crossings of each jump; shape (n_jumps,)."""
        from scipy import sparse  # costs 0.1 s, which a start of the workflow need not spend

        signs = np.where(self.on, 1.0, -1.0)
        shape = (n_jumps, self.units.network.h)
        combinations = sparse.csr_array((signs, (jump, self.unit)), shape=shape)
        count = np.diff(combinations.indptr)
        norms = np.zeros(n_jumps)
        # one unit alone needs no sum: |v_i| ‖w_i‖
        alone = np.flatnonzero(count == 1)
        norms[alone] = self.units.jumps[combinations.indices[combinations.indptr[alone]]]
        together = np.flatnonzero(count > 1)
        norms[together] = combination_norms(combinations[together], self.units.basis)
        return norms
