"""The values behind tables and figures, chosen from the tables of grid, runs and measures.

Every function is pure and takes data frames:

- ``grid``: the runs the configuration asks for: the `COORDINATES` of a run and two booleans,
  ``monotonicity`` and ``optimality``, that say which experiments it belongs to.
- ``runs``: the runs so far: `COORDINATES`, ``status`` and ``interpolates``.
- ``measures``: `COORDINATES`, ``measure``, ``estimator``, ``images``, ``value``, ``interpolates``,
  and ``main``: the trained network on the images that the measure is defined on. Other rows are
  left out.

Further columns are ignored, and so are runs outside the grid. A run that is missing, or that did
not reach the loss ε, is left out of every mean and shows in the counts beside it. Any table may be
empty.
"""

import numpy as np
import pandas as pd

from smoothcore.measures import all_measures
from smoothcore.regularizers import NONE, all_regularizers
from smoothcore.study import run

COORDINATES = list(run.COORDINATES)
EXPERIMENTS = ("monotonicity", "optimality")

#: the type of each column that is used
_TYPES = {
    **dict.fromkeys(("pair", "regularizer", "status", "measure", "estimator", "images"), str),
    **dict.fromkeys(("size", "seed", "n_sizes", "n_sizes_in_grid"), np.int64),
    **dict.fromkeys(("lambda", "learning_rate", "value", "tau"), np.float64),
    **dict.fromkeys((*EXPERIMENTS, "interpolates"), bool),
}
_RUNS = [*COORDINATES, "status", "interpolates"]
_MEASURES = [*COORDINATES, "measure", "estimator", "images", "value", "interpolates"]
_RUN_OF_PANEL = ["regularizer", "measure", "estimator", "pair", "size", "seed", "learning_rate"]


def typed(table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Return the named columns in their types; a table without rows may lack columns.

    Raises:
        KeyError: a column is missing.
        ValueError: a truth value is missing, which pandas would turn into True; a row that should
            be the only one of its kind is there twice.
    """
    table = table.reindex(columns=columns) if table.empty else table[columns]
    for name in columns:
        if _TYPES[name] is bool and table[name].isna().any():
            raise ValueError(f"column {name!r} has empty cells: it must be true or false")
    table = table.astype({name: _TYPES[name] for name in columns})
    key = [name for name in columns if name in (*COORDINATES, "measure", "estimator")]
    twice = table.loc[table.duplicated(key), key]
    if len(twice):
        raise ValueError(f"two rows for {twice.iloc[0].to_dict()}")
    return table


def runs_of(experiment: str, grid: pd.DataFrame) -> pd.DataFrame:
    """Return the `COORDINATES` of the runs that one of `EXPERIMENTS` asks for."""
    grid = typed(grid, [*COORDINATES, *EXPERIMENTS])
    return grid.loc[grid[experiment], COORDINATES]


def in_order(table: pd.DataFrame, *by: str) -> pd.DataFrame:
    """Return a table sorted by columns, measures and regularizers in the order of their ranks."""
    orders = {"measure": [*all_measures()], "regularizer": [NONE, *all_regularizers()]}

    def rank(column: pd.Series) -> pd.Series:
        order = orders.get(column.name)
        return column.map(dict(zip(order, range(len(order)), strict=True))) if order else column

    return table.sort_values(list(by), key=rank, kind="stable", ignore_index=True)


def main_values(measures: pd.DataFrame) -> pd.DataFrame:
    """Return the main rows of the runs that interpolate: what every table and figure shows."""
    if measures.empty:
        return typed(measures, _MEASURES)
    if "main" not in measures or measures["main"].isna().any():
        raise ValueError("the table of measures must say in a column 'main' which rows are shown")
    table = typed(measures[measures["main"].astype(bool)], _MEASURES)
    return table[table["interpolates"] & table["value"].notna()]


def main_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the estimator that figures show of each measure."""
    main = {name: about.main_estimator for name, about in all_measures().items()}
    return table[table["estimator"] == table["measure"].map(main)]


def _panels(grid: pd.DataFrame) -> pd.DataFrame:
    """Return the runs of each panel of Figure 2: `COORDINATES` and ``panel``, a regularizer.

    A panel holds the runs with its regularizer and the λ = 0 runs they are compared with: same
    pair, size, seed and learning rate. A λ = 0 run can be in several panels.
    """
    asked = runs_of("optimality", grid)
    regularized = asked[asked["regularizer"] != NONE]
    regularized = regularized.assign(panel=regularized["regularizer"])
    match = ["pair", "size", "seed", "learning_rate"]
    panels = regularized[[*match, "panel"]].drop_duplicates()
    baselines = asked[asked["regularizer"] == NONE].merge(panels, on=match)
    return pd.concat([baselines, regularized], ignore_index=True)


def penalized(values: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose measure is the one that their regularizer penalizes."""
    of = {name: about.measure for name, about in all_regularizers().items()}
    return values[values["measure"] == values["regularizer"].map(of)]


def interpolation_counts(runs: pd.DataFrame, grid: pd.DataFrame) -> pd.DataFrame:
    """Count the runs of the optimality experiment that interpolate, per regularizer and λ.

    Returns:
        One row per ``regularizer`` and ``lambda`` (0: the runs it is compared with), smallest λ
        first: ``n_in_grid``, ``n_present``, ``n_interpolating``, ``n_not_interpolating``. The
        unit is a (pair, seed): with one seed, as in the paper, a pair.
    """
    asked = _panels(grid).merge(typed(runs, _RUNS), on=COORDINATES, how="left")
    present, interpolating = asked["interpolates"].notna(), asked["interpolates"].eq(True)
    counted = {
        "n_in_grid": 1,
        "n_present": present,
        "n_interpolating": interpolating,
        "n_not_interpolating": present & ~interpolating,
    }
    groups = asked.assign(regularizer=asked["panel"], **counted).groupby(["regularizer", "lambda"])
    return in_order(groups[[*counted]].sum().reset_index(), "regularizer", "lambda")


def reported_lambdas(runs: pd.DataFrame, grid: pd.DataFrame) -> dict[str, float]:
    """Return the λ that Table 2 reports for each regularizer of the grid.

    It is the largest λ of the grid at which at least half of the pairs of the grid interpolate
    (of the (pair, seed) where a study has several seeds); NaN if no λ qualifies. A run that is
    missing counts as not interpolating, because the easy ones finish first.
    """
    counts = interpolation_counts(runs, grid)
    counts = counts[counts["lambda"] > 0]
    enough = counts[2 * counts["n_interpolating"] >= counts["n_in_grid"]]
    largest = enough.groupby("regularizer")["lambda"].max()
    return {name: float(largest.get(name, np.nan)) for name in counts["regularizer"].unique()}


def untried_beyond(runs: pd.DataFrame, grid: pd.DataFrame) -> dict[str, bool]:
    """Tell for each regularizer whether a larger λ than the reported one may yet be reported.

    None is in the grid, or at most half of the runs of one are there and failed. Then r_norm at the
    reported λ is an upper bound of what is left at a larger one.
    """
    counts, reported = interpolation_counts(runs, grid), reported_lambdas(runs, grid)
    untried = {}
    for name, of in counts[counts["lambda"] > 0].groupby("regularizer", sort=False):
        larger = of[~(of["lambda"] <= reported[name])]
        is_open = 2 * larger["n_not_interpolating"] <= larger["n_in_grid"]
        untried[name] = larger.empty or bool(is_open.any())
    return untried


def optimality_values(measures: pd.DataFrame, grid: pd.DataFrame) -> pd.DataFrame:
    """Return the values of the interpolating runs of each panel of Figure 2.

    Returns:
        A row per value: ``regularizer`` (the panel), ``measure``, ``estimator``, ``pair``,
        ``size``, ``seed``, ``learning_rate``, ``lambda`` (0: the runs it is compared with, with the
        same learning rate), ``value``. `interpolation_counts` says how many runs are left out.
    """
    values = _panels(grid).merge(main_values(measures), on=COORDINATES)
    values = values.assign(regularizer=values["panel"])[[*_RUN_OF_PANEL, "lambda", "value"]]
    return in_order(values, "regularizer", "measure", "estimator", "lambda", "pair", "seed")


def learning_rates(measures: pd.DataFrame, grid: pd.DataFrame) -> pd.DataFrame:
    """Return every measure at λ = 0 and two learning rates, of runs that interpolate at both.

    Returns:
        A row per measure, estimator, pair, size, seed and ordered pair of learning rates of the
        optimality experiment: ``value`` at ``learning_rate``, ``other_value`` at ``other_rate``.
    """
    values = main_values(measures).merge(runs_of("optimality", grid), on=COORDINATES)
    key = ["measure", "estimator", "pair", "size", "seed"]
    values = values.loc[values["regularizer"] == NONE, [*key, "learning_rate", "value"]]
    other = values.rename(columns={"learning_rate": "other_rate", "value": "other_value"})
    both = values.merge(other, on=key)
    return both[both["learning_rate"] != both["other_rate"]].reset_index(drop=True)


def matched_values(measures: pd.DataFrame, runs: pd.DataFrame, grid: pd.DataFrame) -> pd.DataFrame:
    """Return every measure with and without a penalty, of runs that interpolate at both.

    Returns:
        A row per regularizer, measure, estimator, λ > 0, pair and seed: those of
        `optimality_values` with ``unregularized`` and ``regularized`` for ``value``; whether λ is
        the ``reported`` one.
    """
    values = optimality_values(measures, grid)
    baseline = values.loc[values["lambda"] == 0, [*_RUN_OF_PANEL, "value"]]
    matched = values[values["lambda"] > 0].rename(columns={"value": "regularized"})
    matched = matched.merge(baseline.rename(columns={"value": "unregularized"}), on=_RUN_OF_PANEL)
    reported = matched["regularizer"].map(reported_lambdas(runs, grid)).astype(np.float64)
    matched["reported"] = matched["lambda"] == reported
    return matched[[*_RUN_OF_PANEL, "lambda", "unregularized", "regularized", "reported"]]


def completeness(grid: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """Count the runs of each experiment.

    Returns:
        One row per experiment: ``experiment``, ``in_grid``, ``present``, ``missing``, and of those
        present the number with each status: ``interpolated``, ``max_epochs``, ``diverged``.
    """
    runs = typed(runs, _RUNS)
    rows = []
    for experiment in EXPERIMENTS:
        asked = runs_of(experiment, grid)
        ended = asked.merge(runs, on=COORDINATES)["status"]
        row = {"experiment": experiment, "in_grid": len(asked), "present": len(ended)}
        row["missing"] = len(asked) - len(ended)
        rows.append(row | {status: int((ended == status).sum()) for status in run.STATUSES})
    return pd.DataFrame(rows)
