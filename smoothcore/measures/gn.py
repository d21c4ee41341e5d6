"""GN, the gradient norm: E‖∇f(x)‖ (§3.1)."""

import numpy as np

from smoothcore.measures import EXACT, SAMPLED, TEST, Measure, Measurement
from smoothcore.measures._seen import Seen
from smoothcore.measures._segments import combination_norms
from smoothcore.measures._units import Units
from smoothcore.network.two_layer import TwoLayerNetwork

ABOUT = Measure(
    name="GN",
    long_name="gradient norm",
    rank=1,
    color="#0072B2",
    estimators=(SAMPLED, EXACT),
    main_estimator=SAMPLED,
    order="1",
    source="Volhejn & Lampert (2020), §3.1",
    images=TEST,
)


def measure(seen: Seen) -> list[Measurement]:
    """Return the value by each estimator."""
    return [
        Measurement.mean("GN", SAMPLED, seen.gradient_norms[seen.evaluation.points]),
        Measurement("GN", EXACT, float(seen.gradient_norms.mean()), 0.0, len(seen.z)),
    ]


def gradient_norms(network: TwoLayerNetwork, x: np.ndarray) -> np.ndarray:
    """Return ‖∇f(x)‖ = ‖W (v ⊙ m(x))‖ at each x of shape (n, d); float64, shape (n,)."""
    units = Units(network)
    masks = units.network.preactivations(np.asarray(x, np.float64)) > 0
    return combination_norms(masks, units.basis)
