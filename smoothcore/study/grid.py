"""The table of runs a study asks for, expanded from the config in this one place."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from smoothcore.regularizers import NONE
from smoothcore.study.models import MAX_LAMBDA, RegularizerGrid, Search, Study
from smoothcore.study.run import COORDINATES, Run

if TYPE_CHECKING:
    import pandas as pd


def monotonicity_runs(study: Study) -> Iterator[Run]:
    """Yield the runs of Table 1: every pair, size and seed at λ = 0 (§4.2)."""
    if study.monotonicity is None:
        return
    for pair in study.pairs:
        for size in study.monotonicity.sizes:
            for seed in study.monotonicity.seeds:
                yield Run(pair, size, seed, NONE, 0.0, study.monotonicity.learning_rate)


def optimality_runs(study: Study) -> Iterator[Run]:
    """Yield the runs of Figure 2 and Table 2 (§4.3).

    Every regularizer's λ, and one λ = 0 run for each learning rate that they use.
    """
    if study.optimality is None:
        return
    grids = study.optimality.grids
    rates = sorted({grid.learning_rate for grid in grids.values()})
    for pair in study.pairs:
        for seed in study.optimality.seeds:
            size = study.optimality.size
            for rate in rates:
                yield Run(pair, size, seed, NONE, 0.0, rate)
            for name, grid in grids.items():
                for lambda_ in grid.lambdas:
                    yield Run(pair, size, seed, name, lambda_, grid.learning_rate)


def all_runs(study: Study) -> list[Run]:
    """Return every run of the study once, in sorted order."""
    return sorted({*monotonicity_runs(study), *optimality_runs(study)})


def search_lambdas(grid: RegularizerGrid, search: Search) -> list[float]:
    """Return the λ of a search for the edge of interpolation, smallest first.

    Each is the one before times ``search.factor``, from the largest λ of the grid up, rounded to
    three significant digits so that file names stay readable.
    """
    steps = range(1, search.max_steps + 1)
    ladder = [float(f"{max(grid.lambdas) * search.factor**k:.3g}") for k in steps]
    return [lambda_ for lambda_ in ladder if lambda_ <= MAX_LAMBDA]


def search_runs(study: Study, interpolates: Mapping[Run, bool | None]) -> list[Run]:
    """Return the runs beyond the grid that the search for the edge asks for so far, sorted.

    A λ is asked for once all runs of the λ before, the first time those of the largest λ of the
    grid, are there and at least half of them interpolate. So the search of a regularizer ends with
    the first λ that most runs do not survive, or with the last of `search_lambdas`. A search
    without a `Optimality.search` asks for nothing.

    Args:
        study: what is asked for.
        interpolates: whether each run reached ε; a run that is None or absent is not there yet.
    """
    asked: list[Run] = []
    if study.optimality is None or study.optimality.search is None:
        return asked
    for name, grid in study.optimality.grids.items():
        for lambda_ in [max(grid.lambdas), *search_lambdas(grid, study.optimality.search)]:
            step = [
                Run(pair, study.optimality.size, seed, name, lambda_, grid.learning_rate)
                for pair in study.pairs
                for seed in study.optimality.seeds
            ]
            asked += step if lambda_ > max(grid.lambdas) else []
            ended = [interpolates.get(run) for run in step]
            if None in ended or 2 * sum(map(bool, ended)) < len(step):
                break
    return sorted(asked)


def next_search_runs(study: Study, interpolates: Mapping[Run, bool | None]) -> list[Run]:
    """Return the runs of `search_runs` that are not there yet; none: the search is at its end."""
    return [run for run in search_runs(study, interpolates) if interpolates.get(run) is None]


def to_table(study: Study) -> "pd.DataFrame":
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
