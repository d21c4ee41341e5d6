"""The regularized objective L_reg = L + λ S (§4.3): names and settings shared by all engines.

S is the stochastic variant of a measure, computed from the current mini-batch of m samples only:

- ``GN``: mean over the batch of ‖∇f(x)‖, ∇f(x) = W (v ⊙ m(x)), m(x) = 1[z(x) > 0].
- ``FPL``: mean over the segments of Σ_k |f(t_k) − f(t_{k−1})|.
- ``GPL``: mean over the segments of Σ_k ‖W (v ⊙ (m(t_k) − m(t_{k−1})))‖.
- ``GPL-exact``: mean over the segments of Σ_{i: m_i(a) ≠ m_i(b)} |v_i| ‖w_i‖.
- ``WP``: Σ_i |v_i| ‖w_i‖, no data.

Segment s joins sample s of the batch with sample ⌊m/2⌋ + s, s < ⌊m/2⌋; a batch of one sample has
no segment and S = 0. The grid is t_k = k / (n − 1), k = 0 … n − 1, n = `Objective.grid_points`.
Masks are piecewise constant: no gradient flows through them. The gradient of |u| and of ‖u‖ at 0
is taken as 0.
"""

from dataclasses import dataclass

NONE = "none"

#: regularizer → the measure it penalizes
MEASURE_OF = {"GN": "GN", "FPL": "FPL", "GPL": "GPL", "GPL-exact": "GPL", "WP": "WP"}
REGULARIZERS = tuple(MEASURE_OF)

#: regularizers that need segments, so a batch of at least two samples
ON_SEGMENTS = ("FPL", "GPL", "GPL-exact")
#: those of them that sample the segment, so depend on `Objective.grid_points`
ON_GRID = ("FPL", "GPL")


@dataclass(frozen=True)
class Objective:
    """What one run minimises and how.

    Attributes:
        regularizer: ``none`` or one of `REGULARIZERS`.
        lambda_: the weight λ of the penalty; 0 exactly for ``none``.
        learning_rate: SGD step size.
        batch_size: samples per mini-batch; the short last batch of an epoch is kept.
        grid_points: n of the sampled FPL and GPL penalties.
    """

    regularizer: str
    lambda_: float
    learning_rate: float
    batch_size: int = 64
    grid_points: int = 10

    def __post_init__(self) -> None:
        """Raise ValueError for an unknown regularizer or a λ that does not fit it."""
        if self.regularizer not in (NONE, *REGULARIZERS):
            raise ValueError(f"unknown regularizer {self.regularizer!r}: one of {REGULARIZERS}")
        if (self.regularizer == NONE) != (self.lambda_ == 0) or self.lambda_ < 0:
            raise ValueError(f"λ = {self.lambda_} does not fit regularizer {self.regularizer!r}")
