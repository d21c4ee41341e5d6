"""Networks and images that the tests of the measures share, and ∇f from its definition."""

import numpy as np

from smoothcore import measures
from smoothcore.network.two_layer import TwoLayerNetwork


def network_1d(*units, c=0.0):
    """f(x) = Σ v relu(w x + β) + c on the line, one (w, β, v) per unit."""
    w, beta, v = (np.array(column, float) for column in zip(*units, strict=True))
    return TwoLayerNetwork(w[None, :], beta, v, np.float64(c))


def points_1d(*x):
    return np.array(x, float)[:, None]


def random_network(rng, d, h):
    return TwoLayerNetwork(
        rng.normal(size=(d, h)), rng.normal(size=h), rng.normal(size=h), np.float64(rng.normal())
    )


def integer_network(rng, d, h):
    """Small integers: every sum and product is exact, and many units cross at the same t."""
    return TwoLayerNetwork(
        rng.integers(-2, 3, size=(d, h)).astype(float),
        rng.integers(-4, 5, size=h).astype(float),
        rng.integers(-3, 4, size=h).astype(float),
        np.float64(rng.integers(-3, 4)),
    )


def gradients(network, x):
    """∇f at each x (..., d), with m = 1[z > 0]."""
    mask = x @ network.W + network.beta > 0
    return (mask * network.v) @ network.W.T


def all_of(x):
    """Images (n, d) as evaluation points: every image, and a segment from each to the next."""
    rows = np.arange(len(x))
    return measures.EvaluationPoints(x, rows, rows, np.roll(rows, -1))


def value(name, network, x, estimator=None):
    """A measure of a network on the images x (n, d), by its main estimator or another."""
    estimator = estimator or measures.all_measures()[name].main_estimator
    values = measures.measure(network, all_of(x), names=[name])
    return next(one.value for one in values if one.estimator == estimator)


def parameter_gradients(network, x):
    """∇_θf at each x, (n, parameters), by central differences.

    f is linear in each single parameter, so they are exact to rounding unless a unit switches.
    """
    parameters = [network.W, network.beta, network.v, network.c]
    step, columns = 1e-5, []
    for which, parameter in enumerate(parameters):
        for index in np.ndindex(parameter.shape):
            both = []
            for change in (step, -step):
                changed = [p.copy() for p in parameters]
                changed[which][index] += change
                both.append(TwoLayerNetwork(*changed)(x))
            columns.append((both[0] - both[1]) / (2 * step))
    return np.transpose(columns)


def largest_eigenvalue(network, x):
    """λ_max of the Hessian of 1/(2n) Σ (f − y)² where f interpolates: that of the Gram matrix."""
    gradient = parameter_gradients(network, x)
    return np.linalg.eigvalsh(gradient @ gradient.T / len(x))[-1]
