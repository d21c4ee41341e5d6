"""PN, the path norm: over all paths from a pixel to the output, the sum of |product of weights|."""

import numpy as np

from smoothcore.measures import EXACT, Measure, Measurement
from smoothcore.measures._seen import Seen

ABOUT = Measure(
    name="PN",
    long_name="path norm",
    rank=12,
    color="#AA44EE",
    estimators=(EXACT,),
    main_estimator=EXACT,
    order="weights",
    source="Neyshabur et al. (2015)",
    images="",
)


def measure(seen: Seen) -> list[Measurement]:
    """Return Σ_i |v_i| ‖w_i‖₁. Other than WP it changes when the input space is rotated."""
    network = seen.network
    value = np.abs(network.v) @ np.abs(network.W).sum(axis=0)
    return [Measurement("PN", EXACT, float(value), 0.0, 0)]
