"""The four smoothness measures of a two-layer ReLU network, in closed form (§3 of the paper).

GN (gradient norm), FPL (function path length), GPL (gradient path length) and WP (weights product)
of f(x) = ⟨v, relu(Wᵀx + β)⟩ + c. On a segment x(t) = (1 − t) a + t b the pre-activations
z(t) = (1 − t) z(a) + t z(b) are linear in t, so every unit crosses zero at most once: two forward
passes of the first layer give everything there is to know, however fine the grid.

Masks are m = 1[z > 0]: a unit is off where z = 0. Everything is computed in float64.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from smoothcore.network import TwoLayerNetwork

MEASURES = ("GN", "FPL", "GPL", "WP")
SAMPLED = "sampled"
EXACT = "exact"

#: the seven values of `measure`, in its order
ESTIMATES = (
    ("GN", SAMPLED),
    ("GN", EXACT),
    ("FPL", SAMPLED),
    ("FPL", EXACT),
    ("GPL", SAMPLED),
    ("GPL", EXACT),
    ("WP", EXACT),
)

#: crossings of one segment whose times differ by less than this are one crossing (rounding in t)
COINCIDENCE = 1e-12

_ROWS_AT_ONCE = 1024


@dataclass(frozen=True)
class EvaluationPoints:
    """Where the measures are evaluated; drawn once per pair and shared by every model of it.

    Attributes:
        images: all the pair's test images, shape (n_test, d); the exact GN is the mean over them.
        points: which of them are the points of GN, integers, shape (N',).
        starts: which are the start points a of the segments, integers, shape (N,).
        ends: which are the end points b of the segments, integers, shape (N,).
    """

    images: np.ndarray
    points: np.ndarray
    starts: np.ndarray
    ends: np.ndarray


@dataclass(frozen=True)
class Measurement:
    """One number: a measure of one network.

    Attributes:
        measure: one of `MEASURES`.
        estimator: ``sampled`` as in the paper, or ``exact``.
        value: the mean over the samples.
        stderr: its standard error, sample standard deviation / sqrt(n_samples); 0 where nothing
            was sampled, NaN for a single sample.
        n_samples: points or segments averaged; 0 for WP.
    """

    measure: str
    estimator: str
    value: float
    stderr: float
    n_samples: int

    @classmethod
    def mean(cls, measure: str, estimator: str, values: np.ndarray) -> "Measurement":
        """Return the mean of ``values``, shape (n,), with its standard error."""
        n = len(values)
        stderr = float(values.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan")
        return cls(measure, estimator, float(values.mean()), stderr, n)


def draw_evaluation_points(
    x_test: np.ndarray, n_samples: int, rng: np.random.Generator
) -> EvaluationPoints:
    """Draw the points and segments the measures are estimated on (§3.2, Definition 3).

    Args:
        x_test: the pair's test images, shape (n_test, d).
        n_samples: N; GN gets min(N, n_test) distinct images, FPL and GPL get N segments whose end
            points are drawn independently and uniformly, with replacement.
        rng: from `smoothcore.seeds.generator`.

    Raises:
        ValueError: no test image, or N < 1.
    """
    if n_samples < 1 or len(x_test) < 1:
        raise ValueError(f"cannot draw {n_samples} samples from {len(x_test)} test images")
    points = rng.choice(len(x_test), size=min(n_samples, len(x_test)), replace=False)
    starts = rng.integers(len(x_test), size=n_samples)
    ends = rng.integers(len(x_test), size=n_samples)
    return EvaluationPoints(x_test, points, starts, ends)


def gradient_norms(network: TwoLayerNetwork, x: np.ndarray) -> np.ndarray:
    """Return ‖∇f(x)‖ = ‖W (v ⊙ m(x))‖ at each x of shape (n, d); float64, shape (n,)."""
    network = network.astype(np.float64)
    masks = network.preactivations(np.asarray(x, np.float64)) > 0
    return _combination_norms(masks, _gradient_basis(network))


def path_lengths_sampled(
    network: TwoLayerNetwork, starts: np.ndarray, ends: np.ndarray, grid_points: int = 100
) -> np.ndarray:
    """Return Σ_k |f(t_k) − f(t_{k−1})| of each segment (equation 10), t_k = k / (n − 1).

    Args:
        network: the network.
        starts: start points a, shape (N, d).
        ends: end points b, shape (N, d).
        grid_points: n ≥ 2, both ends included.

    Returns:
        Float64, shape (N,).

    Raises:
        ValueError: ``grid_points`` < 2.
    """
    return _Paths.between(network, starts, ends).lengths_sampled(grid_points)


def path_lengths_exact(
    network: TwoLayerNetwork, starts: np.ndarray, ends: np.ndarray
) -> np.ndarray:
    """Return the total variation of f on each segment, the limit n → ∞ of the sampled length.

    Args:
        network: the network.
        starts: start points a, shape (N, d).
        ends: end points b, shape (N, d).

    Returns:
        Float64, shape (N,).
    """
    return _Paths.between(network, starts, ends).lengths_exact()


def gradient_path_lengths_sampled(
    network: TwoLayerNetwork, starts: np.ndarray, ends: np.ndarray, grid_points: int = 100
) -> np.ndarray:
    """Return Σ_k ‖∇f(t_k) − ∇f(t_{k−1})‖ of each segment, t_k = k / (n − 1).

    Args:
        network: the network.
        starts: start points a, shape (N, d).
        ends: end points b, shape (N, d).
        grid_points: n ≥ 2, both ends included.

    Returns:
        Float64, shape (N,).

    Raises:
        ValueError: ``grid_points`` < 2.
    """
    return _Paths.between(network, starts, ends).gradient_lengths_sampled(grid_points)


def gradient_path_lengths_exact(
    network: TwoLayerNetwork, starts: np.ndarray, ends: np.ndarray
) -> np.ndarray:
    """Return the total variation of ∇f on each segment: the supremum over all its partitions.

    Where no two units cross at the same t it is Σ_{i: m_i(a) ≠ m_i(b)} |v_i| ‖w_i‖. Units that
    cross together (copies of one unit, say) jump together, and the plain sum would overstate the
    variation: at such a t, units that switch off do so at t and units that switch on just after it
    (m = 1[z > 0]), so the variation there is ‖Σ_off v_i w_i‖ + ‖Σ_on v_i w_i‖. Being a supremum,
    it bounds the sampled length on every grid. A grid that has no point at t itself sees the two
    sums cancel where units switch on and off together, and its limit is then smaller.

    Args:
        network: the network.
        starts: start points a, shape (N, d).
        ends: end points b, shape (N, d).

    Returns:
        Float64, shape (N,).
    """
    return _Paths.between(network, starts, ends).gradient_lengths_exact()


def weights_product(network: TwoLayerNetwork) -> float:
    """Return WP = Σ_i |v_i| ‖w_i‖."""
    network = network.astype(np.float64)
    return float(np.abs(network.v) @ np.linalg.norm(network.W, axis=0))


def measure(
    network: TwoLayerNetwork,
    evaluation: EvaluationPoints,
    grid_points: int = 100,
) -> list[Measurement]:
    """Return every measure by every estimator: seven values.

    Args:
        network: the trained network.
        evaluation: from `draw_evaluation_points`.
        grid_points: n of the sampled FPL and GPL.

    Returns:
        GN, FPL and GPL sampled and exact, WP exact. The exact FPL and GPL are exact along each
        segment, but segments are sampled: they carry a standard error too. A network with a
        parameter that is not finite (a diverged run) has NaN for every value.
    """
    if not all(np.isfinite(p).all() for p in (network.W, network.beta, network.v, network.c)):
        return [
            Measurement(name, estimator, float("nan"), float("nan"), 0)
            for name, estimator in ESTIMATES
        ]
    network = network.astype(np.float64)
    z = network.preactivations(np.asarray(evaluation.images, np.float64))
    paths = _Paths(network, z[evaluation.starts], z[evaluation.ends])
    norms = _combination_norms(z > 0, paths.basis)
    return [
        Measurement.mean("GN", SAMPLED, norms[evaluation.points]),
        Measurement("GN", EXACT, float(norms.mean()), 0.0, len(norms)),
        Measurement.mean("FPL", SAMPLED, paths.lengths_sampled(grid_points)),
        Measurement.mean("FPL", EXACT, paths.lengths_exact()),
        Measurement.mean("GPL", SAMPLED, paths.gradient_lengths_sampled(grid_points)),
        Measurement.mean("GPL", EXACT, paths.gradient_lengths_exact()),
        Measurement("WP", EXACT, weights_product(network), 0.0, 0),
    ]


def _gradient_basis(network: TwoLayerNetwork) -> np.ndarray:
    """Return B (h, min(d, h)) with ‖q B‖ = ‖W (v ⊙ q)‖ for every q of shape (h,).

    B = Rᵀ of the QR factorisation of W diag(v). It is smaller than W and, unlike the Gram matrix,
    does not square the condition: norms of nearly cancelling sums keep their precision.
    """
    return np.ascontiguousarray(np.linalg.qr(network.W * network.v, mode="r").T)


def _combination_norms(combinations, basis: np.ndarray) -> np.ndarray:
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


class _Paths:
    """Segments seen through the first layer: z at both ends and the crossings in between.

    ``network`` is in float64; ``z_start`` and ``z_end`` are (N, h).
    """

    def __init__(self, network: TwoLayerNetwork, z_start: np.ndarray, z_end: np.ndarray) -> None:
        self.network, self.z_start, self.z_end = network, z_start, z_end
        self.crosses = (z_start > 0) != (z_end > 0)
        # each crossing once, in the order of (segment, unit)
        self.segment, self.unit = np.nonzero(self.crosses)
        self.z_a = z_start[self.crosses]
        self.z_b = z_end[self.crosses]
        self.on = self.z_b > 0
        self.time = self.z_a / (self.z_a - self.z_b)

    @classmethod
    def between(cls, network: TwoLayerNetwork, starts: np.ndarray, ends: np.ndarray) -> "_Paths":
        """Return the segments from ``starts`` to ``ends``, both (N, d)."""
        network = network.astype(np.float64)
        z = (network.preactivations(np.asarray(x, np.float64)) for x in (starts, ends))
        return cls(network, *z)

    def __len__(self) -> int:
        return len(self.z_start)

    @cached_property
    def basis(self) -> np.ndarray:
        return _gradient_basis(self.network)

    @cached_property
    def unit_norms(self) -> np.ndarray:
        """|v_i| ‖w_i‖, shape (h,): how much ∇f jumps where one unit crosses alone."""
        return np.abs(self.network.v) * np.linalg.norm(self.network.W, axis=0)

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
        change = np.where(self.crosses, self.network.v * np.abs(rise), 0)
        # piece j of a segment begins at its j-th crossing (piece 0 at t = 0) and has one slope
        slope = np.empty((len(self), self.network.h + 1))
        slope[:, 0] = np.where(self.z_start > 0, rise, 0) @ self.network.v
        slope[:, 1:] = np.take_along_axis(change, order, axis=1)
        np.cumsum(slope, axis=1, out=slope)
        return np.einsum("ij,ij->i", np.abs(slope), np.diff(times, axis=1, prepend=0, append=1))

    def lengths_sampled(self, n: int) -> np.ndarray:
        """Σ_k |Δf|, with f(t_k) = (1 − t_k) ⟨v ⊙ m(t_k), z(a)⟩ + t_k ⟨v ⊙ m(t_k), z(b)⟩ + c."""
        cell = self.segment * n + self._first_grid_point_after(n)
        change = np.where(self.on, 1.0, -1.0) * self.network.v[self.unit]

        def masked_sum(z: np.ndarray, z_crossing: np.ndarray) -> np.ndarray:
            """⟨v ⊙ m(t_k), z⟩ at every grid point, from its changes; shape (N, n)."""
            total = _sums(cell, change * z_crossing, len(self) * n).reshape(-1, n)
            total[:, 0] += np.where(self.z_start > 0, z, 0) @ self.network.v
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
        lengths = self.crosses @ self.unit_norms
        order, times = self.times
        both_cross = np.take_along_axis(self.crosses, order, axis=1)[:, 1:]
        close = (np.diff(times, axis=1) <= COINCIDENCE) & both_cross
        if (segments := np.flatnonzero(close.any(axis=1))).size:
            few = _Paths(self.network, self.z_start[segments], self.z_end[segments])
            lengths[segments] = few._gradient_lengths_with_coincidences()
        return lengths

    def _gradient_lengths_with_coincidences(self) -> np.ndarray:
        order = np.lexsort((self.time, self.on, self.segment))
        segment, on, time = self.segment[order], self.on[order], self.time[order]
        apart = (np.diff(segment) != 0) | (np.diff(on) != 0) | (np.diff(time) > COINCIDENCE)
        first = np.concatenate(([True], apart))
        jump = np.empty(len(order), np.intp)
        jump[order] = np.cumsum(first) - 1
        norms = self._jump_norms(jump, np.count_nonzero(first))
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
        signs = np.where(self.on, 1.0, -1.0)
        shape = (n_jumps, self.network.h)
        combinations = sparse.csr_array((signs, (jump, self.unit)), shape=shape)
        count = np.diff(combinations.indptr)
        norms = np.zeros(n_jumps)
        # one unit alone needs no sum: |v_i| ‖w_i‖
        alone = np.flatnonzero(count == 1)
        norms[alone] = self.unit_norms[combinations.indices[combinations.indptr[alone]]]
        together = np.flatnonzero(count > 1)
        norms[together] = _combination_norms(combinations[together], self.basis)
        return norms
