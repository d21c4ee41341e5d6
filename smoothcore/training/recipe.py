"""The settings of the config that the result of one training run depends on."""

import json
from dataclasses import asdict, dataclass

from smoothcore.engines import Objective
from smoothcore.study.run import Run


@dataclass(frozen=True)
class Recipe:
    """The settings of the config that a run's result depends on, beside its coordinates.

    Attributes:
        dataset: name of the dataset.
        engine: name of the engine that carries out the steps.
        hidden_units: h.
        alpha: α of the initialisation.
        batch_size: samples per mini-batch.
        epsilon: ε, the run stops when L(f) < ε.
        max_epochs: the run stops after that many epochs.
        grid_points: n of the sampled penalties; None where the regularizer has no grid.
    """

    dataset: str
    engine: str
    hidden_units: int
    alpha: float
    batch_size: int
    epsilon: float
    max_epochs: int
    grid_points: int | None = None

    @classmethod
    def from_json(cls, text: str) -> "Recipe":
        """Read what `to_json` wrote."""
        return cls(**json.loads(text))

    def to_json(self) -> str:
        """Return the recipe as one line of JSON with sorted keys."""
        return json.dumps(asdict(self), sort_keys=True)

    def objective(self, run: Run) -> Objective:
        """Return what a run minimises."""
        grid = {} if self.grid_points is None else {"grid_points": self.grid_points}
        return Objective(run.lambda_, run.learning_rate, self.batch_size, **grid)
