"""The measures that are defined for every differentiable function, from their definitions.

A function of this module has the name of the measure's module in `smoothcore.measures` and returns
what the measure's main estimator is; that is how `autodiff` finds it. A measure without a function
here is defined for two-layer networks only.
"""

from functools import cached_property

import numpy as np

from smoothcore.keras_models.function import Function, slices
from smoothcore.measures import EXACT, SAMPLED, EvaluationPoints, Measurement
from smoothcore.measures.lg import LARGEST


class SeenFunction:
    """A function on the images, points and segments it is measured on.

    Attributes:
        f: the function.
        images: flat, shape (n, d).
        evaluation: which of the images are points and ends of segments.
        grid_points: n of the path lengths.
        with_gradients: whether the path length of ∇f will be asked for.
    """

    def __init__(
        self, f: Function, evaluation: EvaluationPoints, grid_points: int, with_gradients: bool
    ) -> None:
        self.f, self.evaluation, self.grid_points = f, evaluation, grid_points
        self.images = evaluation.images.reshape(len(evaluation.images), f.d)
        self.with_gradients = with_gradients

    @property
    def ends(self) -> tuple[np.ndarray, np.ndarray]:
        """The two ends of each segment, both of shape (N, d)."""
        return self.images[self.evaluation.starts], self.images[self.evaluation.ends]

    @cached_property
    def gradient_norms(self) -> np.ndarray:
        """‖∇f(x)‖ of all images, shape (n,)."""
        return self.f.gradient_norms(self.images)

    @cached_property
    def path_lengths(self) -> tuple[np.ndarray, np.ndarray]:
        """Path lengths of f and ∇f (NaN without gradients) on each segment, both (N,)."""
        n, d = self.grid_points, self.f.d
        starts, ends = self.ends
        of_f, of_gradient = np.empty(len(starts)), np.full(len(starts), np.nan)
        t = np.linspace(0, 1, n)[:, None]
        for rows in slices(len(starts), n):
            a, b = (x[rows, None].astype(np.float64) for x in (starts, ends))
            path = ((1 - t) * a + t * b).reshape(-1, d)  # segment by segment
            if self.with_gradients:
                values, gradients = self.f.values_and_gradients(path)
                jumps = np.diff(gradients.reshape(-1, n, d), axis=1)
                of_gradient[rows] = np.linalg.norm(jumps, axis=2).sum(axis=1)
            else:
                values = self.f.values(path)
            of_f[rows] = np.abs(np.diff(values.reshape(-1, n), axis=1)).sum(axis=1)
        return of_f, of_gradient


def gn(seen: SeenFunction) -> Measurement:
    """Return the mean over the points of ‖∇f(x)‖."""
    norms = seen.f.gradient_norms(seen.images[seen.evaluation.points])
    return Measurement.mean("GN", SAMPLED, norms)


def fpl(seen: SeenFunction) -> Measurement:
    """Return the mean over the segments of Σ_k |f(x(t_k)) − f(x(t_{k−1}))| (equation 10)."""
    return Measurement.mean("FPL", SAMPLED, seen.path_lengths[0])


def gpl(seen: SeenFunction) -> Measurement:
    """Return the mean over the segments of Σ_k ‖∇f(x(t_k)) − ∇f(x(t_{k−1}))‖."""
    return Measurement.mean("GPL", SAMPLED, seen.path_lengths[1])


def gc(seen: SeenFunction) -> Measurement:
    """Return the mean over all images of ‖∇f(x)‖²."""
    norms = seen.gradient_norms
    return Measurement("GC", EXACT, float(np.mean(norms**2)), 0.0, len(norms))


def lg(seen: SeenFunction) -> Measurement:
    """Return max ‖∇f(x)‖ over all images; the upper bound is one of two-layer networks."""
    norms = seen.gradient_norms
    return Measurement("LG", LARGEST, float(norms.max()), 0.0, len(norms))


def sh(seen: SeenFunction) -> Measurement:
    """Return (2 / n) Σ_x ‖∇_θ f(x)‖² over all images, θ all trainable parameters."""
    squares = seen.f.parameter_gradient_squares(seen.images)
    return Measurement("SH", EXACT, float(2 * squares.mean()), 0.0, len(squares))
