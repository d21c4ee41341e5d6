"""What a training run says while it works."""

import logging
import math
import time

import numpy as np

from smoothcore.training.checkpoint import TrainingState

log = logging.getLogger(__name__)

_REPORT_SECONDS = 10.0


class TrainingProgress:
    """Says how far a run is: epoch, loss, distance to ε, steps per second, time left."""

    def __init__(
        self, epsilon: float, max_epochs: int, steps_per_epoch: int, state: TrainingState
    ) -> None:
        self._epsilon, self._max_epochs = epsilon, max_epochs
        self._steps_per_epoch = steps_per_epoch
        self._begun_at = state.epoch
        self._first_epoch, self._first_seconds = state.epoch, state.seconds
        self._told_at = time.monotonic()

    def update(self, state: TrainingState) -> None:
        """Say a line if the last one is long ago."""
        if self._first_epoch == self._begun_at:
            # the first epochs may have waited for the compiler
            self._first_epoch, self._first_seconds = state.epoch, state.seconds
            return
        if time.monotonic() - self._told_at < _REPORT_SECONDS:
            return
        self._told_at = time.monotonic()
        epochs_left = self._epochs_left(state)
        seconds_left = epochs_left / max(self._epochs_per_second(state), 1e-9)
        log.info(
            f"epoch {state.epoch}  loss {state.running_loss:.3e}  "
            f"= {state.running_loss / self._epsilon:.3g} ε  "
            f"{self._epochs_per_second(state) * self._steps_per_epoch:,.0f} steps/s  "
            f"about {seconds_left:,.0f} s left ({epochs_left:,.0f} epochs)"
        )

    def finish(self, state: TrainingState, status: str, training_loss: float) -> None:
        """Say how the run ended."""
        log.info(
            f"{status} after {state.epoch} epochs, {state.epoch * self._steps_per_epoch:,} steps, "
            f"{state.seconds:.1f} s: L(f) = {training_loss:.3e}, running {state.running_loss:.3e}, "
            f"ε = {self._epsilon:g}"
        )

    def _epochs_per_second(self, state: TrainingState) -> float:
        seconds = state.seconds - self._first_seconds
        return (state.epoch - self._first_epoch) / seconds if seconds > 0 else math.inf

    def _epochs_left(self, state: TrainingState) -> float:
        """Extrapolate the exponential decay of the loss over the last half of the epochs."""
        cap = self._max_epochs - state.epoch
        if len(state.curve_epochs) < 2:
            return cap
        past = int(np.searchsorted(state.curve_epochs, state.epoch / 2))
        past = min(past, len(state.curve_epochs) - 2)
        span = state.epoch - state.curve_epochs[past]
        decay = math.log(max(state.curve_losses[past], 1e-300) / max(state.running_loss, 1e-300))
        distance = math.log(max(state.running_loss / self._epsilon, 1.0))
        return min(cap, distance * span / decay) if decay > 0 and span > 0 else cap
