"""The state of an unfinished training run, saved so that a restarted run continues bit for bit."""

import logging
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from smoothcore.errors import DamagedFileError
from smoothcore.files.storage import read_npz, write_npz
from smoothcore.network.two_layer import TwoLayerNetwork

log = logging.getLogger(__name__)

_NAMES = (
    "identity",
    "W",
    "beta",
    "v",
    "c",
    "epoch",
    "running_loss",
    "curve_epochs",
    "curve_losses",
    "seconds",
    "resumes",
)


@dataclass
class TrainingState:
    """Where a run stands after ``epoch`` epochs; with a network alone, where it begins.

    Attributes:
        network: the parameters.
        epoch: number of epochs completed.
        running_loss: the running loss of the last one; NaN before the first.
        curve_epochs: epochs kept in the loss curve, 1-based.
        curve_losses: their running losses.
        seconds: training time so far, over all attempts.
        resumes: how often the run was continued from a checkpoint.
    """

    network: TwoLayerNetwork
    epoch: int = 0
    running_loss: float = math.nan
    curve_epochs: list[int] = field(default_factory=list)
    curve_losses: list[float] = field(default_factory=list)
    seconds: float = 0.0
    resumes: int = 0


def save(path: Path, state: TrainingState, identity: str) -> None:
    """Write a state atomically, under the identity of its run.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    net = state.network
    values: tuple[Any, ...] = (
        np.array(identity),
        net.W,
        net.beta,
        net.v,
        net.c,
        np.int64(state.epoch),
        np.float64(state.running_loss),
        np.array(state.curve_epochs, np.int64),
        np.array(state.curve_losses, np.float64),
        np.float64(state.seconds),
        np.int64(state.resumes),
    )
    write_npz(path, dict(zip(_NAMES, values, strict=True)))


def load(path: Path, identity: str) -> TrainingState | None:
    """Return the saved state of the run with this identity; None, and log why, if it is no use."""
    if not path.exists():
        return None
    try:
        saved = read_npz(path, *_NAMES)
        if str(saved["identity"]) != identity:
            log.info(f"the checkpoint {path} belongs to another configuration or version: not used")
            return None
        state = TrainingState(
            network=TwoLayerNetwork(saved["W"], saved["beta"], saved["v"], saved["c"]),
            epoch=int(saved["epoch"]),
            running_loss=float(saved["running_loss"]),
            curve_epochs=saved["curve_epochs"].tolist(),
            curve_losses=saved["curve_losses"].tolist(),
            seconds=float(saved["seconds"]),
            resumes=int(saved["resumes"]) + 1,
        )
    except (DamagedFileError, KeyError, ValueError, TypeError):
        log.info(f"the checkpoint {path} is damaged: not used, training starts over")
        return None
    log.info(f"continuing from epoch {state.epoch} of the checkpoint {path}")
    return state
