"""GPL, the gradient path length: the total variation of ∇f along segments (Definition 4)."""

import numpy as np

from smoothcore.measures import EXACT, SAMPLED, TEST, Measure, Measurement
from smoothcore.measures._seen import Seen
from smoothcore.measures._segments import Segments
from smoothcore.network.two_layer import TwoLayerNetwork

ABOUT = Measure(
    name="GPL",
    long_name="gradient path length",
    rank=3,
    color="#009E73",
    estimators=(SAMPLED, EXACT),
    main_estimator=SAMPLED,
    order="2",
    source="Volhejn & Lampert (2020), Definition 4",
    images=TEST,
)


def measure(seen: Seen) -> list[Measurement]:
    """Return the value by each estimator."""
    return [
        Measurement.mean("GPL", SAMPLED, seen.segments.gradient_lengths_sampled(seen.grid_points)),
        Measurement.mean("GPL", EXACT, seen.segments.gradient_lengths_exact()),
    ]


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
    return Segments.between(network, starts, ends).gradient_lengths_sampled(grid_points)


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
    return Segments.between(network, starts, ends).gradient_lengths_exact()
