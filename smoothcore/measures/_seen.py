"""What a measure sees: a network on a set of images, each part computed once and shared."""

from functools import cached_property

import numpy as np

from smoothcore.measures import EvaluationPoints
from smoothcore.measures._segments import Segments, combination_norms
from smoothcore.measures._units import Units
from smoothcore.network.two_layer import TwoLayerNetwork


class Images:
    """A set of images in float64, shared by the networks that are seen on it.

    Attributes:
        evaluation: the images as they came, and which are points and ends of segments.
        pixels: which pixels ``x`` has.
        x: the images, float64, shape (n, pixels).
    """

    def __init__(self, evaluation: EvaluationPoints, *, drop_dark: bool = False) -> None:
        """Take the images, all pixels of them or only those that are not 0 in all of them.

        13 to 25 % of the pixels are 0 in all images of a pair of MNIST. The last bits of a matrix
        product may depend on how many pixels it sums over.
        """
        self.evaluation = evaluation
        self.pixels = evaluation.images.any(axis=0) if drop_dark else slice(None)
        self.x = np.asarray(evaluation.images[:, self.pixels], np.float64)

    def __len__(self) -> int:
        return len(self.x)

    @cached_property
    def squares(self) -> np.ndarray:
        """‖x‖² of all images, shape (n,)."""
        return np.einsum("ij,ij->i", self.x, self.x)


class Seen:
    """A network in float64 on the images, points and segments of its pair.

    Attributes:
        units: what needs no data.
        images: the images.
        grid_points: n of the sampled path lengths.
    """

    def __init__(self, units: Units, images: Images, grid_points: int) -> None:
        self.units, self.images, self.grid_points = units, images, grid_points

    @property
    def network(self) -> TwoLayerNetwork:
        """The network, float64."""
        return self.units.network

    @property
    def evaluation(self) -> EvaluationPoints:
        """The points and segments."""
        return self.images.evaluation

    @property
    def n(self) -> int:
        """The number of images."""
        return len(self.images)

    @cached_property
    def z(self) -> np.ndarray:
        """Pre-activations of all images, shape (n, h)."""
        return self.images.x @ self.network.W[self.images.pixels] + self.network.beta

    @cached_property
    def on(self) -> np.ndarray:
        """Masks m = 1[z > 0] of all images, bool, shape (n, h)."""
        return self.z > 0

    @cached_property
    def hidden(self) -> np.ndarray:
        """Outputs relu(z) of all units at all images, shape (n, h)."""
        return np.maximum(self.z, 0)

    @cached_property
    def shares(self) -> np.ndarray:
        """p_i, the share of the images at which unit i is on, shape (h,)."""
        return self.on.mean(axis=0)

    @cached_property
    def segments(self) -> Segments:
        """The segments."""
        return Segments(self.units, self.z[self.evaluation.starts], self.z[self.evaluation.ends])

    @cached_property
    def gradient_norms(self) -> np.ndarray:
        """‖∇f(x)‖ of all images, shape (n,)."""
        return combination_norms(self.on, self.units.basis)
