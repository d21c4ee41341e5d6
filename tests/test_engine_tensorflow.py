"""The engine ``tensorflow`` against the float64 judge, and the promises of `engines.Engine`."""

import functools
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from smoothcore.engines import DIVERGED_ABOVE
from smoothcore.network.two_layer import initialize
from tests import engine_cases
from tests.engine_cases import (
    OBJECTIVES,
    bits,
    create,
    objective,
    random_problem,
    run_engine,
    run_reference,
)
from tests.workflow import REPOSITORY

pytestmark = pytest.mark.tensorflow

#: float32 rounding is 6e-8 per operation; over tens to hundreds of steps it accumulates to a few
#: times 1e-7 of a parameter's norm, and the biases, sums of cancelling terms, lose a digit more
ROUNDING = 1e-5

PARAMETERS = ("W", "beta", "v", "c")


@functools.cache
def problem_with_unused_pixels():
    """48 samples whose pixels 0, 4, 8 are 0 everywhere; batches of 9 leave one of 3."""
    problem = random_problem(d=13)
    x = problem.x.copy()
    x[:, ::4] = 0
    return replace(problem, x=x)


@functools.cache
def engine_of(regularizer):
    """One engine per regularizer for all tests on `problem_with_unused_pixels`: compiled once."""
    problem = problem_with_unused_pixels()
    return create("tensorflow", problem.x, problem.y, objective(regularizer, batch_size=9))


def create_and_run(problem, goal):
    return run_engine(create("tensorflow", problem.x, problem.y, goal), problem)


def assert_agrees(got, expected):
    network, losses = got
    assert engine_cases.distance(network, expected[0]) < ROUNDING
    # a loss L comes from errors of about sqrt(L), each carrying the rounding of an f near 1
    np.testing.assert_allclose(np.sqrt(losses), np.sqrt(expected[1]), rtol=0, atol=1e-6)


@pytest.mark.parametrize("regularizer", OBJECTIVES)
def test_agrees_with_the_judge_on_odd_batches_and_unused_pixels(regularizer):
    problem = problem_with_unused_pixels()
    got = run_engine(engine_of(regularizer), problem)
    assert_agrees(got, run_reference(problem, objective(regularizer, batch_size=9)))
    network, losses = got
    assert losses.dtype == np.float64
    assert all(getattr(network, name).dtype == np.float32 for name in PARAMETERS)


@pytest.mark.parametrize("regularizer", OBJECTIVES)
def test_agrees_with_the_judge_on_real_digits(regularizer):
    """100 steps from the small initialization of the paper, on images with unused pixels."""
    problem = engine_cases.digits_problem()
    goal = objective(regularizer, lambda_=None if regularizer == "none" else 1e-3)
    assert_agrees(create_and_run(problem, goal), run_reference(problem, goal))


@pytest.mark.parametrize(
    ("n", "batch_size", "regularizer"),
    [
        (12, 4, "GPL"),  # no short batch
        (9, 4, "FPL"),  # a last batch of one sample: no segment
        (9, 4, "GPL"),
        (9, 4, "GPL-exact"),
        (5, 1, "GN"),  # batches of one sample
        (7, 64, "FPL"),  # fewer samples than a batch
        (1, 64, "none"),
    ],
)
def test_batch_shapes(n, batch_size, regularizer):
    problem = random_problem(n=n, epochs=5)
    goal = objective(regularizer, batch_size=batch_size)
    assert_agrees(create_and_run(problem, goal), run_reference(problem, goal))


@pytest.mark.parametrize("grid_points", [3, 25])
@pytest.mark.parametrize("regularizer", ["FPL", "GPL"])
def test_any_grid(regularizer, grid_points):
    problem = random_problem(n=16, epochs=5)
    goal = objective(regularizer, batch_size=8, grid_points=grid_points)
    assert_agrees(create_and_run(problem, goal), run_reference(problem, goal))


@pytest.mark.parametrize("regularizer", OBJECTIVES)
def test_split_calls_give_the_same_bits_from_one_compilation(regularizer):
    problem, engine = problem_with_unused_pixels(), engine_of(regularizer)
    whole, losses = run_engine(engine, problem)
    network, pieces = problem.network, []
    for start, stop in ((0, 1), (1, 7), (7, 10)):
        network, more = engine.run_epochs(network, problem.permutations, start, stop, 0.0)
        pieces.append(more)
    assert bits(network) == bits(whole)
    assert np.array_equal(np.concatenate(pieces), losses)
    assert engine.trace_count == 1


def test_inputs_are_not_modified():
    problem, engine = problem_with_unused_pixels(), engine_of("WP")
    arrays = [problem.x, problem.y, problem.permutations]
    arrays += [getattr(problem.network, name) for name in PARAMETERS]
    before = [array.copy() for array in arrays]
    run_engine(engine, problem)
    assert all(np.array_equal(a, b) for a, b in zip(arrays, before, strict=True))


def test_stops_after_the_first_epoch_below_the_screen():
    problem, engine = problem_with_unused_pixels(), engine_of("none")
    _, losses = run_engine(engine, problem)
    screen = (losses[4] + losses[5]) / 2
    assert losses[:5].min() > screen > losses[5]
    network, until = engine.run_epochs(problem.network, problem.permutations, 0, 10, screen)
    assert np.array_equal(until, losses[:6])
    six, _ = engine.run_epochs(problem.network, problem.permutations, 0, 6, 0.0)
    assert bits(network) == bits(six)


def test_a_screen_above_every_loss_stops_after_one_epoch():
    problem, engine = problem_with_unused_pixels(), engine_of("none")
    _, losses = engine.run_epochs(problem.network, problem.permutations, 3, 10, np.inf)
    assert len(losses) == 1


def test_stops_when_diverged():
    """Weights so large that the first loss is finite but no longer a loss of anything."""
    problem, engine = problem_with_unused_pixels(), engine_of("none")
    network = replace(problem.network, c=np.float32(1e4))
    _, losses = engine.run_epochs(network, problem.permutations, 2, 10, 0.0)
    assert len(losses) == 1
    assert DIVERGED_ABOVE < losses[0] < np.inf


def test_stops_when_not_finite():
    problem, engine = problem_with_unused_pixels(), engine_of("none")
    network = replace(problem.network, v=np.full_like(problem.network.v, np.nan))
    _, losses = engine.run_epochs(network, problem.permutations, 0, 10, 0.0)
    assert len(losses) == 1
    assert np.isnan(losses[0])


@pytest.mark.parametrize("regularizer", ["GN", "GPL-exact", "WP"])
def test_gradient_of_a_norm_at_zero_is_zero(regularizer):
    """All weights 0: every ‖·‖ of the penalty is at its kink; only the bias c learns."""
    problem, engine = problem_with_unused_pixels(), engine_of(regularizer)
    zero = [np.zeros_like(getattr(problem.network, name)) for name in PARAMETERS]
    network, losses = run_engine(engine, replace(problem, network=type(problem.network)(*zero)))
    assert not network.W.any()
    assert not network.v.any()
    assert np.isfinite(network.c)
    assert np.isfinite(losses).all()


def test_images_without_any_ink():
    problem = random_problem(n=8, epochs=2)
    problem = replace(problem, x=np.zeros_like(problem.x))
    goal = objective("WP", batch_size=4)
    assert_agrees(create_and_run(problem, goal), run_reference(problem, goal))


_ANOTHER_PROCESS = """
import sys
from tests import engine_cases
import numpy as np

problem = engine_cases.digits_problem(epochs=5)
goal = engine_cases.objective("GN")
engine = engine_cases.create("tensorflow", problem.x, problem.y, goal)
network, losses = engine_cases.run_engine(engine, problem)
assert "keras" not in sys.modules, "the engine imported Keras"
np.savez(sys.argv[1], W=network.W, beta=network.beta, v=network.v, c=network.c, losses=losses)

import keras

keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(sys.argv[2])
"""


def test_another_process_gives_the_same_bits_and_does_without_keras(tmp_path):
    """Keras, left out of the import of TensorFlow for speed, still works when imported later."""
    archive, model = tmp_path / "run.npz", tmp_path / "model.keras"
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", _ANOTHER_PROCESS, str(archive), str(model)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    problem = engine_cases.digits_problem(epochs=5)
    network, losses = create_and_run(problem, objective("GN"))
    with np.load(archive) as other:
        assert all(np.array_equal(other[name], getattr(network, name)) for name in PARAMETERS)
        assert np.array_equal(other["losses"], losses)
    assert model.exists()


def test_the_running_loss_is_summed_in_double_precision():
    """f = 0 without any rounding, so the running loss is the mean of y²; float32 sums lose 1e-8."""
    n = 20_000
    rng = np.random.default_rng(0)
    x, y = rng.random((n, 3)).astype(np.float32), rng.standard_normal(n).astype(np.float32)
    network = initialize(3, 4, 0.0, rng)
    engine = create("tensorflow", x, y, objective("none", learning_rate=0.0))
    permutations = rng.permutation(n).astype(np.int32)[None]
    _, losses = engine.run_epochs(network, permutations, 0, 1, 0.0)
    assert losses[0] == pytest.approx(np.mean(y.astype(np.float64) ** 2), rel=1e-12)
