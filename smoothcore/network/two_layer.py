"""The two-layer ReLU network f(x) = ⟨v, relu(Wᵀx + β)⟩ + c: parameters, initial values, output."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class TwoLayerNetwork:
    """Parameters of f(x) = ⟨v, relu(Wᵀx + β)⟩ + c, all float32 (float64 is kept where given).

    The arrays are copies: a model whose weights they were may be trained on.

    Attributes:
        W: first-layer weights, shape (d, h); column i is w_i.
        beta: first-layer biases β, shape (h,).
        v: second-layer weights, shape (h,).
        c: output bias, shape ().
    """

    W: np.ndarray
    beta: np.ndarray
    v: np.ndarray
    c: np.ndarray

    def __post_init__(self) -> None:
        """Check the shapes; raises ValueError naming them when they do not fit together."""
        for name in ("W", "beta", "v", "c"):
            object.__setattr__(self, name, np.array(getattr(self, name)))
        h = self.v.shape[0] if self.v.ndim == 1 else -1
        if self.W.ndim != 2 or self.W.shape[1] != h or self.beta.shape != (h,) or self.c.shape:
            raise ValueError(
                "a two-layer network needs W (d, h), beta (h,), v (h,), c (); got "
                f"{self.W.shape}, {self.beta.shape}, {self.v.shape}, {self.c.shape}"
            )

    @property
    def d(self) -> int:
        """Input dimension."""
        return self.W.shape[0]

    @property
    def h(self) -> int:
        """Number of hidden units."""
        return self.W.shape[1]

    def astype(self, dtype) -> "TwoLayerNetwork":
        """Return the same network with every parameter cast to ``dtype``."""
        parameters = self.W, self.beta, self.v, self.c
        return TwoLayerNetwork(*(p.astype(dtype, copy=False) for p in parameters))

    def preactivations(self, x: np.ndarray) -> np.ndarray:
        """Return z(x) = Wᵀx + β for x of shape (n, d); shape (n, h)."""
        return x @ self.W + self.beta

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return f(x) for x of shape (n, d); shape (n,)."""
        return np.maximum(self.preactivations(x), 0) @ self.v + self.c

    def loss(self, x: np.ndarray, y: np.ndarray) -> float:
        """Return the mean squared error L(f) over x (n, d), y (n,), summed in float64.

        Raises:
            ValueError: y has another shape, which NumPy would spread over an (n, n) residual.
        """
        f = self(x).astype(np.float64)
        if np.shape(y) != f.shape:
            raise ValueError(f"the targets need the shape {f.shape}; got {np.shape(y)}")
        residual = f - y
        return float(np.mean(residual * residual))


def initialize(d: int, h: int, alpha: float, rng: np.random.Generator) -> TwoLayerNetwork:
    """Draw initial parameters (§4.1 of the paper).

    Biases are 0; each weight is uniform on [−ℓ, ℓ] with ℓ = sqrt(6 α / (n_in + n_out)).
    """

    def draw(n_in: int, n_out: int) -> np.ndarray:
        limit = np.sqrt(6 * alpha / (n_in + n_out))
        return rng.uniform(-limit, limit, size=(n_in, n_out)).astype(np.float32)

    return TwoLayerNetwork(
        W=draw(d, h), beta=np.zeros(h, np.float32), v=draw(h, 1)[:, 0], c=np.zeros((), np.float32)
    )
