"""SN, the stability norm: the second-order measure that the step size of SGD bounds.

With u = w_i / ‖w_i‖ and t = −β_i / ‖w_i‖ a unit has the weight g = min(g̃(u, t), g̃(−u, −t)) in
Σ_i |v_i| ‖w_i‖ g_i, where

    g̃(u, t) = P(s > 0)² E[s | s > 0] sqrt(1 + ‖E[x | s > 0]‖²),  s = ⟨u, x⟩ − t,

is also E[relu(s)] sqrt(P(s > 0)² + ‖E[x 1(s > 0)]‖²), as computed here. What it is good for: where
f interpolates, the Hessian of 1/(2n) Σ (f − y)² is the mean of ∇_θf ∇_θfᵀ, so

    λ_max ≥ ‖E ∇_θf‖² = 1 + Σ_i E[relu(z_i)]² + v_i² (p_i² + ‖E[x m_i]‖²) ≥ 1 + 2 SN,

the last step by a² + b² ≥ 2ab. It holds with g̃(u, t) alone; the minimum makes SN a property of f,
which does not say on which side of its hyperplane a unit is on. A minimum is linearly stable under
steps of size η only if the Hessian has no eigenvalue above 2 / η. That of the loss trained here,
1/n Σ (f − y)², is twice the one above, so SN ≤ (1/η − 1) / 2.
"""

import numpy as np

from smoothcore.measures import EXACT, TRAINING, Measure, Measurement
from smoothcore.measures._seen import Seen

ABOUT = Measure(
    name="SN",
    long_name="stability norm",
    rank=7,
    color="#AA2200",
    estimators=(EXACT,),
    main_estimator=EXACT,
    order="2",
    source="Nacson et al. (2023), after Mulayoff et al. (2021)",
    images=TRAINING,
)


def measure(seen: Seen) -> list[Measurement]:
    """Return the value; units that share a hyperplane are merged, as in RN."""
    off = seen.z < 0
    x = seen.images.x
    x_on = _sums(seen.on, x)
    x_off = x.sum(axis=0) - x_on
    if (between := ~(seen.on | off)).any():
        x_off -= _sums(between, x)
    on_side = _side(seen.hidden.sum(axis=0), seen.on, x_on)
    off_side = _side(-np.minimum(seen.z, 0).sum(axis=0), off, x_off)
    # relu(z) is ‖w‖ relu(s); a unit without a hyperplane counts 0
    norms = np.where(seen.units.norms > 0, seen.units.norms, np.inf)
    value = seen.units.hyperplane_jumps / norms @ np.minimum(on_side, off_side) / seen.n**2
    return [Measurement("SN", EXACT, float(value), 0.0, seen.n)]


def _sums(which: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the sum of the images on one side of each hyperplane; (h, pixels)."""
    return which.T.astype(np.float64) @ x


def _side(z_sum: np.ndarray, which: np.ndarray, x_sum: np.ndarray) -> np.ndarray:
    """n² ‖w‖ g̃ from the sums of |z| and of x over the images on one side; (h,)."""
    return z_sum * np.sqrt(which.sum(axis=0) ** 2 + np.einsum("ij,ij->i", x_sum, x_sum))
