"""GPL as n → ∞: mean over the segments of Σ_{i: m_i(a) ≠ m_i(b)} |v_i| ‖w_i‖."""

from smoothcore.regularizers import Regularizer

ABOUT = Regularizer(
    name="GPL-exact",
    measure="GPL",
    rank=4,
    on_segments=True,
    step_ratio={"sparse": 1.11, "tensorflow": 1.13},
    epochs_ratio={3.2e-5: 1.2, 3.2e-4: 12.0},
)
