"""GC, the geometric complexity: E‖∇f(x)‖², the discrete Dirichlet energy."""

import numpy as np

from smoothcore.measures import EXACT, TRAINING, Measure, Measurement
from smoothcore.measures._seen import Seen

ABOUT = Measure(
    name="GC",
    long_name="geometric complexity",
    rank=9,
    color="#6622CC",
    estimators=(EXACT,),
    main_estimator=EXACT,
    order="1",
    source="Dherin et al. (2022)",
    images=TRAINING,
)


def measure(seen: Seen) -> list[Measurement]:
    """Return the mean of ‖∇f(x)‖² over all images."""
    value = np.mean(seen.gradient_norms**2)
    return [Measurement("GC", EXACT, float(value), 0.0, seen.n)]
