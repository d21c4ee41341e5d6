"""The judge of every engine: one SGD step and one epoch in float64 NumPy, from the definitions.

Dense, slow and short on purpose. The penalties are those of `smoothcore.regularizers`.
"""

from dataclasses import dataclass

import numpy as np

from smoothcore.engines import Objective
from smoothcore.network.two_layer import TwoLayerNetwork
from smoothcore.regularizers import NONE


@dataclass(frozen=True)
class Goal(Objective):
    """An objective that knows its penalty by name."""

    regularizer: str = NONE


def _unit(u):
    """u / ‖u‖ along the last axis, 0 where u is 0."""
    norm = np.linalg.norm(u, axis=-1, keepdims=True)
    return np.divide(u, norm, out=np.zeros_like(u), where=norm > 0)


def segment_ends(x):
    half = len(x) // 2
    return x[:half], x[half : 2 * half]


def penalty(network: TwoLayerNetwork, x: np.ndarray, objective: Goal) -> float:
    """S itself."""
    W, v = network.W, network.v
    a, b = segment_ends(x)
    t = np.linspace(0, 1, objective.grid_points)[:, None, None]
    path = (1 - t) * a + t * b  # (n, segments, d)
    if objective.regularizer == "none":
        return 0.0
    if objective.regularizer == "WP":
        return float(np.sum(np.abs(v) * np.linalg.norm(W, axis=0)))
    if objective.regularizer == "GN":
        mask = network.preactivations(x) > 0
        return float(np.mean(np.linalg.norm((mask * v) @ W.T, axis=1)))
    if len(a) == 0:
        return 0.0
    if objective.regularizer == "FPL":
        f = np.maximum(path @ W + network.beta, 0) @ v
        return float(np.abs(np.diff(f, axis=0)).sum(0).mean())
    if objective.regularizer == "GPL":
        gradient = ((path @ W + network.beta > 0) * v) @ W.T  # (n, segments, d)
        return float(np.linalg.norm(np.diff(gradient, axis=0), axis=2).sum(0).mean())
    crossed = (network.preactivations(a) > 0) != (network.preactivations(b) > 0)
    return float((crossed @ (np.abs(v) * np.linalg.norm(W, axis=0))).mean())


def penalty_gradient(network: TwoLayerNetwork, x: np.ndarray, objective: Goal):
    """∂S/∂(W, β, v, c), masks held constant."""
    W, v = network.W, network.v
    zero = [np.zeros_like(p) for p in (W, network.beta, v, network.c)]
    a, b = segment_ends(x)
    t = np.linspace(0, 1, objective.grid_points)[:, None, None]
    path = (1 - t) * a + t * b
    kind = objective.regularizer
    if kind == "none" or (len(a) == 0 and kind in ("FPL", "GPL", "GPL-exact")):
        return zero
    if kind in ("WP", "GPL-exact"):
        crossed = (network.preactivations(a) > 0) != (network.preactivations(b) > 0)
        p = np.ones_like(v) if kind == "WP" else crossed.mean(0)
        return [
            p * np.abs(v) * _unit(W.T).T,
            zero[1],
            p * np.sign(v) * np.linalg.norm(W, axis=0),
            zero[3],
        ]
    if kind == "FPL":
        z = path @ W + network.beta
        sign = np.sign(np.diff(np.maximum(z, 0) @ v, axis=0)) / len(a)
        df = np.zeros(z.shape[:2])
        df[1:] += sign
        df[:-1] -= sign
        dz = df[:, :, None] * v * (z > 0)
        flat = path.reshape(-1, path.shape[-1])
        return [
            flat.T @ dz.reshape(-1, dz.shape[-1]),
            dz.sum((0, 1)),
            np.einsum("ks,ksi->i", df, np.maximum(z, 0)),
            zero[3],
        ]
    # GN and GPL: mean (or sum) of ‖W (v ⊙ q)‖ over rows q of constants
    if kind == "GN":
        q = (network.preactivations(x) > 0).astype(float)
        scale = 1 / len(x)
    else:
        mask = (path @ W + network.beta > 0).astype(float)
        q, scale = np.diff(mask, axis=0).reshape(-1, len(v)), 1 / len(a)
    direction = _unit((q * v) @ W.T)  # (rows, d)
    U = direction.T @ q  # (d, h): Σ_rows direction · q
    return [scale * U * v, zero[1], scale * np.sum(W * U, axis=0), zero[3]]


def step(network: TwoLayerNetwork, x, y, objective: Goal):
    """One update on one mini-batch; returns the network after it, the squared errors before it."""
    z = network.preactivations(x)
    hidden = np.maximum(z, 0)
    error = hidden @ network.v + network.c - y
    df = 2 * error / len(x)
    dz = df[:, None] * network.v * (z > 0)
    loss_gradient = (x.T @ dz, dz.sum(0), hidden.T @ df, df.sum())
    parameters = (network.W, network.beta, network.v, network.c)
    updated = [
        p - objective.learning_rate * (g + objective.lambda_ * s)
        for p, g, s in zip(
            parameters, loss_gradient, penalty_gradient(network, x, objective), strict=True
        )
    ]
    return TwoLayerNetwork(*updated), float(error @ error)


def epoch(network: TwoLayerNetwork, x, y, order, objective: Goal):
    """One epoch in the given order; returns the network after it and its running loss."""
    total = 0.0
    for start in range(0, len(order), objective.batch_size):
        batch = order[start : start + objective.batch_size]
        network, squared = step(network, x[batch], y[batch], objective)
        total += squared
    return network, total / len(order)
