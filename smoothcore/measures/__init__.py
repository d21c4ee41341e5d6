"""Smoothness measures of a two-layer ReLU network f(x) = ⟨v, relu(Wᵀx + β)⟩ + c: one module each.

A measure is a module of this package, found by `smoothcore.registry`: it says what it is in
``ABOUT`` and computes its measurements in ``measure(seen)``. Masks are m = 1[z > 0]: a unit is
off where z = 0.
"""

from smoothcore.measures._about import (
    EXACT,
    INITIAL,
    NO_IMAGES,
    SAMPLED,
    TEST,
    TRAINED,
    TRAINING,
    Measure,
    all_estimates,
    all_measures,
)
from smoothcore.measures._checked import draw_evaluation_points, measure, measure_run
from smoothcore.measures._measuring import EvaluationPoints, Measurement

__all__ = [
    "EXACT",
    "INITIAL",
    "NO_IMAGES",
    "SAMPLED",
    "TEST",
    "TRAINED",
    "TRAINING",
    "EvaluationPoints",
    "Measure",
    "Measurement",
    "all_estimates",
    "all_measures",
    "draw_evaluation_points",
    "measure",
    "measure_run",
]
