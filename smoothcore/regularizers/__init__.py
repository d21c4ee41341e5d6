"""The regularizers of L_reg = L + λ S (§4.3): one folder each, found by `smoothcore.registry`.

S is the stochastic variant of a measure, computed from the current mini-batch of m samples only.
Segment s joins sample s of the batch with sample ⌊m/2⌋ + s, s < ⌊m/2⌋; a batch of one sample has
no segment and S = 0. The grid is t_k = k / (n − 1), k = 0 … n − 1. Masks m(x) = 1[z(x) > 0] are
piecewise constant: no gradient flows through them. The gradient of |u| and of ‖u‖ at 0 is 0.

The folder of a regularizer holds ``ABOUT`` in its ``__init__.py``, the step of the engine `sparse`
in ``sparse.py`` and the gradient for the engine `tensorflow` in ``tensorflow.py``.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType

from smoothcore import registry
from smoothcore.errors import SettingsError

#: the name of no regularizer, λ = 0
NONE = "none"


@dataclass(frozen=True)
class Regularizer:
    """What a regularizer says of itself. Nothing of it changes a trained network.

    Attributes:
        name: as in the config, in parquet and in figures.
        measure: name of the measure that it penalizes.
        rank: its place in tables and figures.
        on_segments: needs segments, so a batch of at least two samples.
        on_grid: samples the segments on a grid, so depends on ``optimality.grid_points``.
        step_ratio: engine → expected cost of a step relative to one without a penalty.
        epochs_ratio: λ → expected epochs to ε relative to λ = 0.

    The two ratios decide what a run asks a scheduler for; where one is not known, 2 is assumed.
    """

    name: str
    measure: str
    rank: int
    on_segments: bool = False
    on_grid: bool = False
    step_ratio: Mapping[str, float] = field(default_factory=dict)
    epochs_ratio: Mapping[float, float] = field(default_factory=dict)

    @property
    def module(self) -> str:
        """Full name of its package: ``smoothcore.regularizers.gpl_exact`` for GPL-exact."""
        return f"{__name__}.{self.name.lower().replace('-', '_')}"


def all_regularizers() -> Mapping[str, Regularizer]:
    """Return every regularizer by name, in the order they are shown in."""
    return registry.entries(__name__, "ABOUT")


def step_module(regularizer: str, engine: str) -> str | None:
    """Return the full name of the module with a regularizer's step; None for `NONE`.

    Raises:
        SettingsError: no regularizer has that name.
    """
    if regularizer == NONE:
        return None
    if regularizer not in all_regularizers():
        raise SettingsError(
            f"unknown regularizer {regularizer!r}: one of {', '.join(all_regularizers())}"
        )
    return f"{all_regularizers()[regularizer].module}.{engine}"


def load_step(regularizer: str, engine: str) -> ModuleType | None:
    """Import what `step_module` names."""
    name = step_module(regularizer, engine)
    return importlib.import_module(name) if name else None
