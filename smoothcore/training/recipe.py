"""The settings of the config that the result of one training run depends on."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from smoothcore.engines import ENGINES, Objective
from smoothcore.regularizers import NONE, all_regularizers
from smoothcore.study.run import Run

if TYPE_CHECKING:
    from smoothcore.study.config import Study


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

    def __post_init__(self) -> None:
        """Raise ValueError for an engine that does not exist."""
        if self.engine not in ENGINES:
            raise ValueError(f"no engine {self.engine!r}: one of {', '.join(ENGINES)}")

    def objective(self, run: Run) -> Objective:
        """Return what a run minimises."""
        grid = {} if self.grid_points is None else {"grid_points": self.grid_points}
        return Objective(run.lambda_, run.learning_rate, self.batch_size, **grid)


def recipe_of(study: "Study", run: Run) -> Recipe:
    """Return the recipe of a run of a study."""
    optimality = study.optimality
    on_grid = run.regularizer != NONE and all_regularizers()[run.regularizer].on_grid
    return Recipe(
        dataset=study.dataset,
        engine=study.training.engine,
        hidden_units=study.network.hidden_units,
        alpha=study.network.alpha,
        batch_size=study.training.batch_size,
        epsilon=study.training.epsilon,
        max_epochs=study.training.max_epochs,
        grid_points=optimality.grid_points if optimality and on_grid else None,
    )
