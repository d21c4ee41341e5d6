"""The plain step as one would write it with JAX: an epoch of `lax.scan` over batches, jitted."""

import time

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.contenders import Contender
from benchmarks.problem import BATCH, GOALS, Problem


def _loss(parameters, x, y):
    W, beta, v, c = parameters
    return jnp.mean((jax.nn.relu(x @ W + beta) @ v + c - y) ** 2)


def scan(problem: Problem) -> Contender:
    """Epochs of full batches; each repetition continues where the one before stopped."""
    rate = GOALS["none"].learning_rate
    x, y = jnp.asarray(problem.x), jnp.asarray(problem.y)
    state = [jnp.asarray(p) for p in vars(problem.network).values()]
    batches = len(problem.x) // BATCH
    orders = problem.permutations[:, : batches * BATCH].reshape(-1, batches, BATCH)

    @jax.jit
    def epoch(parameters, order):
        def step(parameters, index):
            loss, gradient = jax.value_and_grad(_loss)(parameters, x[index], y[index])
            moved = [p - rate * g for p, g in zip(parameters, gradient, strict=True)]
            return moved, loss

        return jax.lax.scan(step, parameters, order)

    def run(repeats: int) -> float:
        nonlocal state
        began = time.perf_counter()
        for k in range(repeats):
            state, losses = epoch(state, orders[k % len(orders)])
        losses.block_until_ready()
        seconds = time.perf_counter() - began
        if not np.isfinite(losses).all():
            raise ArithmeticError("JAX did not run on")
        return seconds

    return Contender(run, batches)
