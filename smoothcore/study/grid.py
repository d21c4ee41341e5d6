"""The table of runs a study asks for, expanded from the config in this one place."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from smoothcore.regularizers import NONE
from smoothcore.study.models import MAX_LAMBDA, Study
from smoothcore.study.run import COORDINATES, Run

if TYPE_CHECKING:
    import pandas as pd

_NO_SEARCH: Mapping[str, int] = MappingProxyType({})


def monotonicity_runs(study: Study) -> Iterator[Run]:
    """Yield the runs of Table 1: every pair, size and seed at λ = 0 (§4.2)."""
    if study.monotonicity is None:
        return
    for pair in study.pairs:
        for size in study.monotonicity.sizes:
            for seed in study.monotonicity.seeds:
                yield Run(pair, size, seed, NONE, 0.0, study.monotonicity.learning_rate)


def optimality_runs(study: Study, search: Mapping[str, int] = _NO_SEARCH) -> Iterator[Run]:
    """Yield the runs of Figure 2 and Table 2 (§4.3).

    Every regularizer's λ, and one λ = 0 run for each learning rate that they use.

    Args:
        study: what is asked for.
        search: how many λ of `search_lambdas` each regularizer has come to, from `search_steps`.
    """
    if study.optimality is None:
        return
    grids = study.optimality.grids
    rates = sorted({grid.learning_rate for grid in grids.values()})
    beyond = {name: search_lambdas(study, name)[: search.get(name, 0)] for name in grids}
    for pair in study.pairs:
        for seed in study.optimality.seeds:
            size = study.optimality.size
            for rate in rates:
                yield Run(pair, size, seed, NONE, 0.0, rate)
            for name, grid in grids.items():
                for lambda_ in (*grid.lambdas, *beyond[name]):
                    yield Run(pair, size, seed, name, lambda_, grid.learning_rate)


def all_runs(study: Study, search: Mapping[str, int] = _NO_SEARCH) -> list[Run]:
    """Return every run of the study once, in sorted order; arguments as in `optimality_runs`."""
    return sorted({*monotonicity_runs(study), *optimality_runs(study, search)})


def search_lambdas(study: Study, regularizer: str) -> list[float]:
    """Return the λ of the search for the edge of interpolation, smallest first; none without it.

    Each is the one before times ``search.factor``, from the largest λ of the grid up, rounded to
    three significant digits so that file names stay readable.
    """
    if study.optimality is None or study.optimality.search is None:
        return []
    search, largest = study.optimality.search, max(study.optimality.grids[regularizer].lambdas)
    ladder = [float(f"{largest * search.factor**k:.3g}") for k in range(1, search.max_steps + 1)]
    return [lambda_ for lambda_ in ladder if lambda_ <= MAX_LAMBDA]


def search_steps(study: Study, interpolates: Callable[[Run], bool | None]) -> dict[str, int]:
    """Return how many λ of `search_lambdas` are asked for by now, by regularizer.

    A λ is asked for once all runs of the λ before, the first time those of the largest λ of the
    grid, are there and at least half of them interpolate. So the search of a regularizer ends with
    the first λ that most runs do not survive, or with the last of `search_lambdas`.

    Args:
        study: what is asked for.
        interpolates: tells whether a run reached ε; None while it is not there.
    """
    steps: dict[str, int] = {}
    if (optimality := study.optimality) is None:
        return steps
    for name, grid in optimality.grids.items():
        beyond = search_lambdas(study, name)
        # the last of them has none after it
        for lambda_ in [max(grid.lambdas), *beyond][:-1]:
            ended = [
                interpolates(Run(pair, optimality.size, seed, name, lambda_, grid.learning_rate))
                for pair in study.pairs
                for seed in optimality.seeds
            ]
            if None in ended or 2 * sum(map(bool, ended)) < len(ended):
                break
            steps[name] = steps.get(name, 0) + 1
    return steps


def to_table(study: Study, search: Mapping[str, int] = _NO_SEARCH) -> "pd.DataFrame":
    """Return one row per run: its `COORDINATES` and the experiments that use it.

    The boolean columns ``monotonicity`` and ``optimality`` tell to which experiment a run belongs;
    a run can belong to both.
    """
    import pandas as pd

    monotonicity, optimality = set(monotonicity_runs(study)), set(optimality_runs(study, search))
    rows = [
        {**run.coordinates, "monotonicity": run in monotonicity, "optimality": run in optimality}
        for run in all_runs(study, search)
    ]
    return pd.DataFrame(rows, columns=[*COORDINATES, "monotonicity", "optimality"])
