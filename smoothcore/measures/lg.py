"""LG, the largest gradient: a lower bound of the Lipschitz constant of f, and an upper one."""

import numpy as np

from smoothcore.measures import TEST, Measure, Measurement
from smoothcore.measures._seen import Seen

LARGEST = "largest"
BOUND = "bound"

ABOUT = Measure(
    name="LG",
    long_name="largest gradient",
    rank=10,
    color="#8888BB",
    estimators=(LARGEST, BOUND),
    main_estimator=LARGEST,
    order="1",
    source="bounds of the Lipschitz constant",
    images=TEST,
)


def measure(seen: Seen) -> list[Measurement]:
    """Return max ‖∇f(x)‖ over all images, and ‖W‖₂ ‖v‖, the same for any images."""
    bound = seen.units.spectral_norm * np.linalg.norm(seen.network.v)
    return [
        Measurement("LG", LARGEST, float(seen.gradient_norms.max()), 0.0, seen.n),
        Measurement("LG", BOUND, float(bound), 0.0, 0),
    ]
