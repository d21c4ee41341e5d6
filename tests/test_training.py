"""One run: the same bits however it is carried out, and an honest account of how it ended."""

import math
from dataclasses import replace

import numpy as np
import pytest

from smoothcore import engines
from smoothcore.datasets import load_pair
from smoothcore.errors import InterruptedRunError
from smoothcore.network import seeds
from smoothcore.network.seeds import EpochPermutations, generator, stream
from smoothcore.network.two_layer import TwoLayerNetwork, initialize
from smoothcore.study.run import Run
from smoothcore.training import loop as training
from smoothcore.training.loop import TrainingSet, train
from smoothcore.training.recipe import Recipe
from tests import engine_cases, reference

RUN = Run("3-5", 32, 0, "none", 0.0, 0.05)
RECIPE = Recipe("digits", "sparse", 16, 0.1, 4, 1e-3, 20_000)
ENGINES = ["sparse", pytest.param("tensorflow", marks=pytest.mark.tensorflow)]


@pytest.fixture(scope="module")
def data(digits):
    return TrainingSet(*load_pair(digits, "3-5", 32)[:2])


@pytest.fixture(scope="module")
def undisturbed(data):
    return train(RUN, RECIPE, data)


def bits(outcome):
    """Everything of an outcome that must not depend on how the run was carried out."""
    state = outcome.state
    return (
        outcome.status,
        outcome.training_loss,
        outcome.steps,
        state.epoch,
        state.running_loss,
        tuple(state.curve_epochs),
        tuple(state.curve_losses),
        engine_cases.bits(state.network),
    )


def test_it_interpolates_by_the_exact_loss(data, undisturbed):
    assert undisturbed.status == "interpolated"
    assert undisturbed.training_loss == undisturbed.state.network.loss(*data) < RECIPE.epsilon
    assert undisturbed.steps == undisturbed.state.epoch * math.ceil(32 / RECIPE.batch_size)
    assert undisturbed.state.resumes == 0


def test_equal_runs_are_equal(data, undisturbed):
    assert bits(train(RUN, RECIPE, data)) == bits(undisturbed)


class ChunkedEngine:
    """Hands every call on in pieces of at most ``size`` epochs."""

    def __init__(self, engine, size):
        self.engine, self.size, self.calls = engine, size, 0

    def run_epochs(self, network, permutations, start, stop, stop_below):
        self.calls += 1
        return self.engine.run_epochs(
            network, permutations, start, min(stop, start + self.size), stop_below
        )


@pytest.mark.parametrize("size", [1, 7, 10**9])
def test_the_epochs_of_a_call_do_not_matter(data, undisturbed, monkeypatch, size):
    made, create = [], engines.create

    def chunked(*arguments):
        made.append(ChunkedEngine(create(*arguments), size))
        return made[-1]

    monkeypatch.setattr(engines, "create", chunked)
    monkeypatch.setattr(training, "_CALL_SECONDS", 1e9)  # whole blocks where the engine allows
    assert bits(train(RUN, RECIPE, data)) == bits(undisturbed)
    if size == 1:
        assert made[0].calls == undisturbed.state.epoch
    if size == 10**9:
        assert made[0].calls < 20


def test_a_run_longer_than_a_block_of_permutations(data, monkeypatch):
    """Blocks of 3 epochs instead of 4,096: the ends of blocks fall everywhere in the run."""
    monkeypatch.setattr("smoothcore.network.seeds.PERMUTATION_BLOCK_MAX_EPOCHS", 3)
    whole = train(RUN, replace(RECIPE, max_epochs=50), data)
    states = saved_states(data, replace(RECIPE, max_epochs=50))
    assert [state.epoch for state in states] == list(range(1, 51))
    for state in states[::7]:
        assert bits(train(RUN, replace(RECIPE, max_epochs=50), data, resume_from=state)) == bits(
            whole
        )


def test_a_run_is_what_the_judge_makes_of_its_coordinates(data, monkeypatch):
    """Network, orders and penalty follow from them; a block of orders is of two epochs here."""
    monkeypatch.setattr(seeds, "PERMUTATION_BLOCK_MAX_EPOCHS", 2)
    run = replace(RUN, seed=4, regularizer="GPL", lambda_=0.02)
    recipe = replace(RECIPE, max_epochs=5, grid_points=3)
    where = {"dataset": "digits", "pair": "3-5", "size": 32, "seed": 4, "regularizer": "GPL"}
    where |= {"lambda": 0.02, "learning_rate": 0.05}
    network = initialize(64, 16, 0.1, generator(stream("initialisation", **where)))
    orders = EpochPermutations(stream("permutations", **where), 32)
    blocks = np.concatenate([orders.block(k) for k in range(3)])
    judged, losses = network.astype(np.float64), []
    for order in blocks[:5]:
        goal = reference.Goal(0.02, 0.05, 4, 3, regularizer="GPL")
        judged, loss = reference.epoch(judged, *data, order, goal)
        losses.append(loss)
    state = train(run, recipe, data).state
    np.testing.assert_allclose(state.curve_losses, losses, rtol=2e-5)
    for name in ("W", "beta", "v", "c"):
        of = getattr(state.network, name), getattr(judged, name)
        np.testing.assert_allclose(*of, rtol=1e-3, atol=2e-6)


def copied(state):
    return replace(
        state, curve_epochs=list(state.curve_epochs), curve_losses=list(state.curve_losses)
    )


def saved_states(data, recipe, run=RUN, every=0.0):
    states = []
    train(run, recipe, data, save_every=every, save_state=lambda s: states.append(copied(s)))
    return states


@pytest.mark.parametrize("save_every", [0.0, 0.01, 1e9])
def test_saving_does_not_matter(data, undisturbed, save_every):
    saved = []
    outcome = train(
        RUN, RECIPE, data, save_every=save_every, save_state=lambda s: saved.append(s.epoch)
    )
    assert bits(outcome) == bits(undisturbed)
    assert saved == sorted(set(saved))
    if save_every in (0.0, 1e9):  # in between it depends on the speed of the machine
        assert (saved == []) == (save_every == 1e9)


def test_it_continues_from_any_saved_state(data, undisturbed):
    states = saved_states(data, RECIPE)
    assert len(states) > 100
    for state in states[:: len(states) // 12]:
        assert bits(train(RUN, RECIPE, data, resume_from=copied(state))) == bits(undisturbed)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("regularizer", ["none", "FPL"])
def test_stopped_again_and_again(data, engine, regularizer):
    """`stop_asked` ends the run after four calls; each attempt continues the one before."""
    run = replace(RUN, regularizer=regularizer, lambda_=1e-4 if regularizer != "none" else 0.0)
    grid_points = 10 if regularizer == "FPL" else None
    recipe = replace(RECIPE, engine=engine, grid_points=grid_points, max_epochs=40)
    whole, saved, attempts = train(run, recipe, data), [None], 0

    def stop():
        nonlocal asked
        asked += 1
        return asked > 3

    while True:
        asked, attempts = 0, attempts + 1
        try:
            outcome = train(
                run,
                recipe,
                data,
                resume_from=saved[-1],
                save_state=lambda s: saved.append(copied(s)),
                stop_asked=stop,
            )
        except InterruptedRunError as error:
            assert f"after {saved[-1].epoch} epochs" in str(error)
        else:
            break
        assert attempts < 100
    assert attempts >= 3
    assert bits(outcome) == bits(whole)


def test_the_screen_alone_does_not_interpolate(data, monkeypatch):
    """Where the running loss is below ε and L(f) is not, training goes on."""
    asked = []
    loss = TwoLayerNetwork.loss

    def stubborn(self, x, y):
        asked.append(loss(self, x, y))
        return asked[-1] if len(asked) > 5 else RECIPE.epsilon

    monkeypatch.setattr(TwoLayerNetwork, "loss", stubborn)
    outcome = train(RUN, RECIPE, data)
    assert outcome.status == "interpolated"
    assert len(asked) == 6
    # each was asked for an epoch whose running loss passed the screen, one epoch after another
    assert outcome.training_loss == asked[-1] < RECIPE.epsilon
    assert outcome.state.running_loss < RECIPE.epsilon


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("rate", [20.0, 1e30])
def test_divergence_is_recorded(data, rate):
    outcome = train(replace(RUN, learning_rate=rate), RECIPE, data)
    assert outcome.status == "diverged"
    assert not outcome.state.running_loss <= engines.DIVERGED_ABOVE
    assert outcome.state.epoch < 100
    assert outcome.state.curve_epochs[-1] == outcome.state.epoch


def test_the_epochs_are_used_up(data):
    outcome = train(RUN, replace(RECIPE, max_epochs=7), data)
    assert (outcome.status, outcome.state.epoch, outcome.steps) == ("max_epochs", 7, 56)
    assert outcome.training_loss == outcome.state.network.loss(*data) > RECIPE.epsilon


def test_the_last_epoch_may_interpolate(data, undisturbed):
    last = replace(RECIPE, max_epochs=undisturbed.state.epoch)
    assert bits(train(RUN, last, data)) == bits(undisturbed)
    one_less = train(RUN, replace(last, max_epochs=last.max_epochs - 1), data)
    assert one_less.state.epoch == undisturbed.state.epoch - 1
    assert (one_less.training_loss < last.epsilon) == (one_less.status == "interpolated")
    assert one_less.status == "max_epochs"


def test_at_the_last_epoch_the_exact_loss_decides(data, monkeypatch):
    """The running loss, of before the updates, has not come to ε yet."""
    monkeypatch.setattr(TwoLayerNetwork, "loss", lambda self, x, y: 0.5 * RECIPE.epsilon)
    outcome = train(RUN, replace(RECIPE, max_epochs=3), data)
    assert outcome.state.running_loss > RECIPE.epsilon
    assert (outcome.status, outcome.training_loss) == ("interpolated", 0.5 * RECIPE.epsilon)


def test_the_curve_is_thin_where_it_is_long(undisturbed):
    epochs, losses = undisturbed.state.curve_epochs, undisturbed.state.curve_losses
    assert epochs[:50] == list(range(1, 51)) and len(epochs) == len(losses)
    assert len(epochs) < 50 * (2 + math.log2(undisturbed.state.epoch / 50))
    steps = np.diff(epochs)
    assert (steps > 0).all()
    assert (steps <= np.maximum(1, 0.021 * np.array(epochs[1:]))).all()
    # what is kept are the running losses themselves
    assert losses[0] == pytest.approx(1.0, abs=0.5) and losses[-1] < 1.1 * RECIPE.epsilon


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 1},
        {"learning_rate": 0.04},
        {"regularizer": "GN", "lambda_": 1e-4},
        {"pair": "0-1"},
        {"size": 30},
    ],
)
def test_runs_that_differ_in_one_coordinate_share_no_weights(data, other):
    """One epoch at a learning rate of nearly 0 leaves the initial weights as they were."""
    recipe = replace(RECIPE, max_epochs=1)
    still = replace(RUN, learning_rate=1e-30)
    other = {"learning_rate": 2e-30} if "learning_rate" in other else other
    network = train(still, recipe, data).state.network
    again = train(still, recipe, data).state.network
    different = train(replace(still, **other), recipe, data).state.network
    assert np.array_equal(network.W, again.W)
    limit = math.sqrt(6 * 0.1 / (64 + 16))
    assert abs(network.W).max() <= limit and abs(network.W).max() > 0.98 * limit
    assert abs(np.corrcoef(network.W.ravel(), different.W.ravel())[0, 1]) < 0.15
    assert not (network.v == different.v).any()


def test_initial_weights():
    """Uniform on ±sqrt(6 α / (n_in + n_out)), biases 0 (§4.1)."""
    network = initialize(100, 400, 0.01, np.random.default_rng(0))
    for weights, fans in ((network.W, 100 + 400), (network.v, 400 + 1)):
        limit = math.sqrt(6 * 0.01 / fans)
        assert 0.98 * limit < abs(weights).max() <= limit
        # of a uniform distribution
        assert weights.std() == pytest.approx(limit / math.sqrt(3), rel=0.05)
    assert not network.beta.any() and network.c == 0


def test_a_network_keeps_its_weights_when_a_model_is_trained_on():
    W, beta, v, c = np.ones((3, 2)), np.zeros(2), np.ones(2), np.zeros(1)
    network = TwoLayerNetwork(W, beta, v, c[0])
    before = network(np.ones((1, 3)))
    for array in (W, beta, v, c):
        array += 1
    assert network(np.ones((1, 3))) == before


def test_targets_in_a_column_are_refused(data):
    """Else NumPy would make a loss of all n² differences."""
    network = initialize(data.x.shape[1], 4, 1.0, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"need the shape \(\d+,\); got \(\d+, 1\)"):
        network.loss(data.x, data.y[:, None])


def test_what_it_says(data, undisturbed, caplog):
    caplog.set_level("INFO", "smoothcore")
    train(RUN, RECIPE, data)
    said = caplog.messages
    assert said[-1].startswith(f"interpolated after {undisturbed.state.epoch} epochs, ")
    assert "ε = 0.001" in said[-1]
