"""SH, the sharpness: the trace of the Hessian of the mean squared error."""

import numpy as np

from smoothcore.measures import EXACT, TRAINING, Measure, Measurement
from smoothcore.measures._seen import Seen

ABOUT = Measure(
    name="SH",
    long_name="sharpness",
    rank=11,
    color="#662200",
    estimators=(EXACT,),
    main_estimator=EXACT,
    order="parameters",
    source="Wu & Su (2023)",
    images=TRAINING,
    # what the output bias alone contributes
    lower_bound=2.0,
)


def measure(seen: Seen) -> list[Measurement]:
    """Return 2 E‖∇_θf(x)‖², ‖∇_θf‖² = 1 + Σ_i relu(z_i)² + v_i² m_i (1 + ‖x‖²).

    This is tr ∇²L of L = 1/n Σ (f − y)² wherever no z is 0, not only where f interpolates: f is
    linear in each single parameter, so the diagonal of ∇²_θf is 0. It depends on the scale between
    the layers; no scale takes it below 2 + 4 Σ_i |v_i| sqrt(E[relu(z_i)²] E[m_i (1 + ‖x‖²)]).
    """
    squares = 1 + np.einsum("ij,ij->i", seen.hidden, seen.hidden)
    squares += (seen.on @ seen.network.v**2) * (1 + seen.images.squares)
    return [Measurement("SH", EXACT, float(2 * squares.mean()), 0.0, seen.n)]
