"""FPL, the function path length: the total variation of f along segments (Definition 3)."""

import numpy as np

from smoothcore.measures import EXACT, SAMPLED, TEST, Measure, Measurement
from smoothcore.measures._seen import Seen
from smoothcore.measures._segments import Segments
from smoothcore.network.two_layer import TwoLayerNetwork

ABOUT = Measure(
    name="FPL",
    long_name="function path length",
    rank=2,
    color="#D55E00",
    estimators=(SAMPLED, EXACT),
    main_estimator=SAMPLED,
    order="1",
    source="Volhejn & Lampert (2020), Definition 3",
    images=TEST,
    # f must differ by 2 between the two digits, which half of the segments join
    lower_bound=1.0,
)


def measure(seen: Seen) -> list[Measurement]:
    """Return the value by each estimator."""
    return [
        Measurement.mean("FPL", SAMPLED, seen.segments.lengths_sampled(seen.grid_points)),
        Measurement.mean("FPL", EXACT, seen.segments.lengths_exact()),
    ]


def path_lengths_sampled(
    network: TwoLayerNetwork, starts: np.ndarray, ends: np.ndarray, grid_points: int = 100
) -> np.ndarray:
    """Return Σ_k |f(t_k) − f(t_{k−1})| of each segment (equation 10), t_k = k / (n − 1).

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
    return Segments.between(network, starts, ends).lengths_sampled(grid_points)


def path_lengths_exact(
    network: TwoLayerNetwork, starts: np.ndarray, ends: np.ndarray
) -> np.ndarray:
    """Return the total variation of f on each segment, the limit n → ∞ of the sampled length.

    Args:
        network: the network.
        starts: start points a, shape (N, d).
        ends: end points b, shape (N, d).

    Returns:
        Float64, shape (N,).
    """
    return Segments.between(network, starts, ends).lengths_exact()
