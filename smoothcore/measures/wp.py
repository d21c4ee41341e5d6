"""WP, the weights product: Σ_i |v_i| ‖w_i‖ (§3.1)."""

import numpy as np

from smoothcore.measures import EXACT, Measure, Measurement
from smoothcore.measures._seen import Seen
from smoothcore.network.two_layer import TwoLayerNetwork

ABOUT = Measure(
    name="WP",
    long_name="weights product",
    rank=4,
    color="#AA4499",
    estimators=(EXACT,),
    main_estimator=EXACT,
    order="2",
    source="Volhejn & Lampert (2020), §3.1",
    images="",
)


def measure(seen: Seen) -> list[Measurement]:
    """Return the value by each estimator."""
    return [Measurement("WP", EXACT, weights_product(seen.network), 0.0, 0)]


def weights_product(network: TwoLayerNetwork) -> float:
    """Return WP = Σ_i |v_i| ‖w_i‖."""
    network = network.astype(np.float64)
    return float(np.abs(network.v) @ np.linalg.norm(network.W, axis=0))
