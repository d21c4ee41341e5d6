"""What a measure sees: a network on its evaluation points, each part computed once and shared."""

from functools import cached_property

import numpy as np

from smoothcore.measures import EvaluationPoints
from smoothcore.measures._segments import Segments, combination_norms
from smoothcore.network.two_layer import TwoLayerNetwork


class Seen:
    """A network in float64 on the images, points and segments of its pair.

    Attributes:
        network: float64.
        evaluation: the images, and which of them are points and ends of segments.
        grid_points: n of the sampled path lengths.
    """

    def __init__(
        self, network: TwoLayerNetwork, evaluation: EvaluationPoints, grid_points: int
    ) -> None:
        self.network = network.astype(np.float64)
        self.evaluation, self.grid_points = evaluation, grid_points

    @cached_property
    def z(self) -> np.ndarray:
        """Pre-activations of all images, shape (n_test, h)."""
        return self.network.preactivations(np.asarray(self.evaluation.images, np.float64))

    @cached_property
    def segments(self) -> Segments:
        """The segments."""
        return Segments(self.network, self.z[self.evaluation.starts], self.z[self.evaluation.ends])

    @cached_property
    def gradient_norms(self) -> np.ndarray:
        """‖∇f(x)‖ of all images, shape (n_test,)."""
        return combination_norms(self.z > 0, self.segments.basis)
