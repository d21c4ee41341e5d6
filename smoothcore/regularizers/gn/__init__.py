"""Gradient norm: mean over the batch of ‖∇f(x)‖, ∇f(x) = W (v ⊙ m(x)), m(x) = 1[z(x) > 0]."""

from smoothcore.regularizers import Regularizer

ABOUT = Regularizer(
    name="GN",
    measure="GN",
    rank=1,
    step_ratio={"sparse": 2.2, "tensorflow": 2.4},
    epochs_ratio={1e-5: 0.99, 1e-4: 1.04, 1e-3: 1.29},
)
