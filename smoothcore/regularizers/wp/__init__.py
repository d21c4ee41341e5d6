"""Weights product: Σ_i |v_i| ‖w_i‖, no data."""

from smoothcore.regularizers import Regularizer

ABOUT = Regularizer(
    name="WP",
    measure="WP",
    rank=5,
    step_ratio={"sparse": 1.11, "tensorflow": 1.08},
    epochs_ratio={1e-5: 1.1, 3e-5: 1.79},
)
