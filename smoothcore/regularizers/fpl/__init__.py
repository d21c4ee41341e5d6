"""Function path length: mean over the segments of Σ_k |f(t_k) − f(t_{k−1})|."""

from smoothcore.regularizers import Regularizer

ABOUT = Regularizer(
    name="FPL",
    measure="FPL",
    rank=2,
    on_segments=True,
    on_grid=True,
    step_ratio={"sparse": 1.07, "tensorflow": 1.1},
    epochs_ratio={3.2e-4: 1.22, 3.2e-3: 9.36},
)
