"""The hidden units of a network: what can be said of them without data, each part computed once."""

from functools import cached_property

import numpy as np

from smoothcore.network.two_layer import TwoLayerNetwork

#: (w, β) and (w', β') of length 1 that differ by less are one hyperplane (rounding of a rescaling)
SAME_HYPERPLANE = 1e-12

# cosines tell directions apart to 1e-8 only: they find what is worth a comparison
_NEARLY_PARALLEL = 1 - 1e-9


class Units:
    """The units of a network.

    Unit i has the hyperplane {x : ⟨w_i, x⟩ + β_i = 0} and is on in one of its two half-spaces.

    Attributes:
        network: float64.
    """

    def __init__(self, network: TwoLayerNetwork) -> None:
        self.network = network.astype(np.float64)

    @cached_property
    def norms(self) -> np.ndarray:
        """‖w_i‖, shape (h,)."""
        return np.linalg.norm(self.network.W, axis=0)

    @cached_property
    def jumps(self) -> np.ndarray:
        """|v_i| ‖w_i‖, shape (h,): how much ∇f jumps where one unit crosses alone."""
        return np.abs(self.network.v) * self.norms

    @cached_property
    def spectral_norm(self) -> float:
        """‖W‖₂, the largest singular value; being the largest it loses nothing by the square."""
        square = np.linalg.eigvalsh(self.network.W.T @ self.network.W)[-1]
        return float(np.sqrt(max(square, 0.0)))

    @cached_property
    def basis(self) -> np.ndarray:
        """B (h, min(d, h)) with ‖q B‖ = ‖W (v ⊙ q)‖ for every q of shape (h,).

        B = Rᵀ of the QR factorisation of W diag(v). It is smaller than W and, unlike the Gram
        matrix, does not square the condition: norms of nearly cancelling sums keep their precision.
        """
        R = np.linalg.qr(self.network.W * self.network.v, mode="r")
        return np.ascontiguousarray(np.transpose(R))

    @cached_property
    def hyperplane_jumps(self) -> np.ndarray:
        """How much ∇f differs between the two sides of each hyperplane, shape (h,).

        ‖Σ v_i ‖w_i‖‖ over the units that share a hyperplane, at the first of them and 0 at the
        others. Units that are on in opposite half-spaces add up too: relu(s) and relu(−s) have the
        same kink.
        """
        first, _ = self._hyperplanes
        return self._merged(first)

    @cached_property
    def half_space_jumps(self) -> np.ndarray:
        """Like `hyperplane_jumps`, but only units that are on in one half-space are merged."""
        first, side = self._hyperplanes
        _, own, group = np.unique(2 * first + (side < 0), return_index=True, return_inverse=True)
        return self._merged(own[group])

    def _merged(self, first: np.ndarray) -> np.ndarray:
        return np.abs(np.bincount(first, self.network.v * self.norms, self.network.h))

    @cached_property
    def _hyperplanes(self) -> tuple[np.ndarray, np.ndarray]:
        """The first unit with the hyperplane of each, and whether on the same side of it (±1)."""
        planes = np.vstack([self.network.W, self.network.beta])
        lengths = np.linalg.norm(planes, axis=0)
        planes = np.divide(planes, lengths, out=np.zeros_like(planes), where=lengths > 0)
        cosines = planes.T @ planes
        first, side = np.arange(self.network.h), np.ones(self.network.h)
        candidates = np.triu(np.abs(cosines) > _NEARLY_PARALLEL, k=1)
        for j in np.flatnonzero(candidates.any(axis=0)):
            others = np.flatnonzero(candidates[:, j])
            signs = np.sign(cosines[others, j])
            distances = np.linalg.norm(planes[:, others] * signs - planes[:, [j]], axis=0)
            if (same := np.flatnonzero(distances < SAME_HYPERPLANE)).size:
                first[j], side[j] = others[same[0]], signs[same[0]]
        return first, side
