"""Gradient path length: mean over the segments of Σ_k ‖W (v ⊙ (m(t_k) − m(t_{k−1})))‖."""

from smoothcore.regularizers import Regularizer

ABOUT = Regularizer(
    name="GPL",
    measure="GPL",
    rank=3,
    on_segments=True,
    on_grid=True,
    step_ratio={"sparse": 2.6, "tensorflow": 6.1},
    epochs_ratio={3.2e-5: 1.13, 3.2e-4: 6.91},
)
