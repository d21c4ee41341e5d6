"""The table of runs a study asks for, expanded from the config in this one place."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from smoothcore.regularizers import NONE
from smoothcore.study.run import COORDINATES, Run

if TYPE_CHECKING:
    import pandas as pd

    from smoothcore.study.config import Study


def monotonicity_runs(study: "Study") -> Iterator[Run]:
    """Yield the runs of Table 1: every pair, size and seed at λ = 0 (§4.2)."""
    if study.monotonicity is None:
        return
    for pair in study.pairs:
        for size in study.monotonicity.sizes:
            for seed in study.monotonicity.seeds:
                yield Run(pair, size, seed, NONE, 0.0, study.monotonicity.learning_rate)


def optimality_runs(study: "Study") -> Iterator[Run]:
    """Yield the runs of Figure 2 and Table 2 (§4.3).

    Every regularizer's λ, and one λ = 0 run for each learning rate that they use.
    """
    if study.optimality is None:
        return
    grids = study.optimality.regularizers
    rates = sorted({grid.learning_rate for grid in grids.values()})
    for pair in study.pairs:
        for seed in study.optimality.seeds:
            size = study.optimality.size
            for rate in rates:
                yield Run(pair, size, seed, NONE, 0.0, rate)
            for name, grid in grids.items():
                for lambda_ in grid.lambdas:
                    yield Run(pair, size, seed, name, lambda_, grid.learning_rate)


def all_runs(study: "Study") -> list[Run]:
    """Return every run of the study once, in sorted order."""
    return sorted({*monotonicity_runs(study), *optimality_runs(study)})


def to_table(study: "Study") -> "pd.DataFrame":
    """Return one row per run: its `COORDINATES` and the experiments that use it.

    The boolean columns ``monotonicity`` and ``optimality`` tell to which experiment a run belongs;
    a run can belong to both.
    """
    import pandas as pd

    monotonicity, optimality = set(monotonicity_runs(study)), set(optimality_runs(study))
    rows = [
        {**run.coordinates, "monotonicity": run in monotonicity, "optimality": run in optimality}
        for run in all_runs(study)
    ]
    return pd.DataFrame(rows, columns=[*COORDINATES, "monotonicity", "optimality"])
