"""One training run: SGD to interpolation, resumable, the same to the last bit every time (§4.1)."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from smoothcore import engines
from smoothcore.errors import InterruptedRunError
from smoothcore.network.seeds import EpochPermutations, stream
from smoothcore.network.two_layer import TwoLayerNetwork
from smoothcore.regularizers import load_step
from smoothcore.study.run import DIVERGED, INTERPOLATED, MAX_EPOCHS, Run
from smoothcore.training.checkpoint import TrainingState
from smoothcore.training.initial import initial_network, streams_of
from smoothcore.training.progress import TrainingProgress
from smoothcore.training.recipe import Recipe

_CALL_SECONDS = 1.0


class TrainingSet(NamedTuple):
    """x (n, d) float32 in [0, 1] and y (n,) float32 in {−1, +1}."""

    x: np.ndarray
    y: np.ndarray


@dataclass(frozen=True)
class Outcome:
    """A finished run.

    Attributes:
        state: its final state, with the trained network.
        status: ``interpolated``, ``max_epochs`` or ``diverged``.
        training_loss: L(f), evaluated exactly on the whole training set.
        steps: number of SGD steps.
    """

    state: TrainingState
    status: str
    training_loss: float
    steps: int


def train(
    run: Run,
    recipe: Recipe,
    data: TrainingSet,
    *,
    resume_from: TrainingState | None = None,
    save_state: Callable[[TrainingState], None] = lambda state: None,
    save_every: float = 60.0,
    stop_asked: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Train one network until L(f) < ε, the epochs are used up, or the loss diverges.

    The running loss screens every epoch; once it is below ε, L(f) is evaluated exactly and decides.
    The result depends on the run's coordinates, the recipe and the data, and on nothing else: not
    on where it was interrupted, nor on how the epochs were spread over engine calls.

    Args:
        run: the coordinates; every random stream derives from them and the dataset's name.
        recipe: the settings of the config.
        data: the training set.
        resume_from: a state saved earlier; None starts at epoch 0.
        save_state: called with the current state about every ``save_every`` seconds.
        save_every: seconds between two saved states.
        stop_asked: asked about every second; when true the state is saved and the run ends.

    Raises:
        InterruptedRunError: ``stop_asked`` said so.
    """
    n, d = data.x.shape
    permutations = EpochPermutations(stream("permutations", **streams_of(run, recipe)), n)
    state = resume_from or TrainingState(initial_network(run, recipe, d))
    penalty = load_step(run.regularizer, recipe.engine)
    engine = engines.create(recipe.engine, data.x, data.y, recipe.objective(run), penalty)
    steps_per_epoch = math.ceil(n / recipe.batch_size)
    progress = TrainingProgress(recipe.epsilon, recipe.max_epochs, steps_per_epoch, state)
    status, training_loss = None, math.nan
    block_index, block = -1, np.empty((0, n), np.int32)
    chunk, call_seconds, saved_at = 1, min(_CALL_SECONDS, save_every), time.monotonic()
    # one thread: the sums of a threaded BLAS depend on the number of threads
    with threadpool_limits(limits=1):
        while status is None:
            if state.epoch >= recipe.max_epochs:
                status, training_loss = MAX_EPOCHS, state.network.loss(*data)
                if training_loss < recipe.epsilon:
                    status = INTERPOLATED
                break
            index, start = divmod(state.epoch, permutations.epochs_per_block)
            if index != block_index:
                block_index, block = index, permutations.block(index)
            stop = min(start + chunk, len(block), start + recipe.max_epochs - state.epoch)
            began = time.perf_counter()
            network, losses = engine.run_epochs(state.network, block, start, stop, recipe.epsilon)
            elapsed = time.perf_counter() - began
            _advance(state, network, losses, elapsed)
            if not state.running_loss <= engines.DIVERGED_ABOVE:
                status, training_loss = DIVERGED, _quiet_loss(network, data)
            elif state.running_loss < recipe.epsilon:
                training_loss = network.loss(*data)
                if training_loss < recipe.epsilon:
                    status = INTERPOLATED
            # the number of epochs per call only balances overhead against regular news
            chunk = max(1, min(2 * chunk, round(len(losses) * call_seconds / max(elapsed, 1e-6))))
            progress.update(state)
            if status is None and (stop_asked() or time.monotonic() - saved_at >= save_every):
                save_state(state)
                saved_at = time.monotonic()
                if stop_asked():
                    raise InterruptedRunError(
                        f"told to stop after {state.epoch} epochs; run it again to continue there"
                    )
    progress.finish(state, status, training_loss)
    return Outcome(state, status, training_loss, state.epoch * steps_per_epoch)


def _advance(state: TrainingState, network: TwoLayerNetwork, losses, elapsed: float) -> None:
    epochs = np.arange(state.epoch + 1, state.epoch + len(losses) + 1)
    kept = _is_kept(epochs)
    state.curve_epochs += epochs[kept].tolist()
    state.curve_losses += losses[kept].tolist()
    state.network = network
    state.epoch = int(epochs[-1])
    state.running_loss = float(losses[-1])
    state.seconds += elapsed


def _is_kept(epochs: np.ndarray) -> np.ndarray:
    """Which epochs stay in the thinned curve: the first 100, then steps of 1 to 2 %."""
    width = np.maximum(1, 2 ** np.floor(np.log2(np.maximum(epochs / 50, 1))))
    return epochs % width == 0


def _quiet_loss(network: TwoLayerNetwork, data: TrainingSet) -> float:
    with np.errstate(all="ignore"):
        return network.loss(*data)
