"""The engines against each other: same weights and permutations in, same trajectory out."""

import numpy as np
import pytest

from smoothcore import engines, measures
from smoothcore.network.seeds import EpochPermutations, stream
from smoothcore.regularizers import NONE
from tests.engine_cases import OBJECTIVES, create, digits_problem, distance, objective, run_engine

pytestmark = pytest.mark.tensorflow

SCREEN = 1e-5

#: means over many images: the others hang on one image, or one unit
COMPARED = ("GN", "FPL", "GPL", "WP")


@pytest.mark.parametrize("regularizer", OBJECTIVES)
def test_same_weights_over_the_first_hundreds_of_steps(regularizer):
    """300 steps on real digits.

    Rounding alone accumulates to some 1e-6. Where it decides on which side of 0 a pre-activation
    lies, one mask in one batch differs, and the weights then differ by a part in 1e5. The penalty
    itself moves them by a part in 1e2 to 1e3 (last assertion), so a wrong one would show.
    """
    problem = digits_problem(epochs=75)
    goal = objective(regularizer, lambda_=0 if regularizer == NONE else 1e-3)
    sparse, losses = run_engine(create("sparse", problem.x, problem.y, goal), problem)
    dense, dense_losses = run_engine(create("tensorflow", problem.x, problem.y, goal), problem)
    assert distance(sparse, dense) < 5e-5
    np.testing.assert_allclose(np.sqrt(losses), np.sqrt(dense_losses), rtol=0, atol=1e-6)
    if regularizer != NONE:
        plain = create("sparse", problem.x, problem.y, objective(NONE))
        assert distance(run_engine(plain, problem)[0], dense) > 50 * 5e-5


def train(name, problem, goal, max_blocks=4):
    """Run until the screen; return the network and the number of epochs."""
    engine = create(name, problem.x, problem.y, goal)
    permutations = EpochPermutations(stream("engines-agree"), len(problem.x))
    network, epochs = problem.network, 0
    for block in range(max_blocks):
        network, losses = engine.run_epochs(
            network, permutations.block(block), 0, permutations.epochs_per_block, SCREEN
        )
        epochs += len(losses)
        if losses[-1] < SCREEN:
            return network, epochs
    raise AssertionError(f"{name} did not reach {SCREEN} in {epochs} epochs: {losses[-1]}")


@pytest.mark.parametrize("regularizer", OBJECTIVES)
def test_whole_runs_end_alike(regularizer):
    """Some 14,000 steps, to a loss below 1e-5: long after rounding has parted the trajectories."""
    problem = digits_problem(n=64)
    lambdas = {NONE: 0.0, "GN": 1e-4, "FPL": 1e-3, "GPL": 1e-4, "GPL-exact": 1e-4, "WP": 3e-5}
    goal = objective(regularizer, lambdas[regularizer], batch_size=16)
    (one, one_epochs), (other, other_epochs) = (
        train(name, problem, goal) for name in engines.ENGINES
    )
    assert other_epochs == pytest.approx(one_epochs, rel=0.05)
    evaluation = measures.draw_evaluation_points(problem.x, 200, np.random.default_rng(0))
    for a, b in zip(
        measures.measure(one, evaluation, names=COMPARED),
        measures.measure(other, evaluation, names=COMPARED),
        strict=True,
    ):
        assert b.value == pytest.approx(a.value, rel=0.02), (a.measure, a.estimator)
