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
from smoothcore.study.run import STATUSES

#: what identifies a run, with the type of each column
COORDINATE_TYPES = {
    "pair": str,
    "size": np.int64,
    "seed": np.int64,
    "regularizer": str,
    "lambda": np.float64,
    "learning_rate": np.float64,
}

COORDINATES = list(COORDINATE_TYPES)

EXPERIMENTS = ("monotonicity", "optimality")

_GRID = {**COORDINATE_TYPES, "monotonicity": bool, "optimality": bool}

_RUNS = {**COORDINATE_TYPES, "status": str, "interpolates": bool}

_MEASURES = {
    **COORDINATE_TYPES,
    "measure": str,
    "estimator": str,
    "images": str,
    "value": np.float64,
    "interpolates": bool,
}

_RUN_OF_PANEL = ["regularizer", "measure", "estimator", "pair", "size", "seed", "learning_rate"]


def typed(table: pd.DataFrame, types: dict) -> pd.DataFrame:
    """Return the named columns in their types; a table without rows may lack columns.

    Raises:
        ValueError: a column is missing; a truth value is missing, which pandas would turn into
            True; a row that should be the only one of its kind is there twice.
    """
    columns = list(types)
    missing = [name for name in columns if name not in table.columns]
    if missing and not table.empty:
        raise ValueError(f"the table has no column {missing[0]!r}")
    table = table.reindex(columns=columns) if table.empty else table[columns]
    for name in columns:
        if types[name] is bool and table[name].isna().any():
            raise ValueError(f"column {name!r} has empty cells: it must be true or false")
    table = table.astype(types)
    key = [name for name in columns if name in (*COORDINATES, "measure", "estimator")]
    if table.duplicated(key).any():
        twice = table.loc[table.duplicated(key), key].iloc[0].to_dict()
        raise ValueError(f"two rows for {twice}")
    return table


def grid_table(grid: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of a grid in their types."""
    return typed(grid, _GRID)


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
    grid = grid_table(grid)
    asked = grid.loc[grid["optimality"], COORDINATES]
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
    asked["present"] = asked["interpolates"].notna()
    asked["interpolating"] = asked["interpolates"].eq(True)
    rows = []
    for regularizer in all_regularizers():
        for lambda_, of in asked[asked["panel"] == regularizer].groupby("lambda"):
            present, interpolating = int(of["present"].sum()), int(of["interpolating"].sum())
            rows.append(
                (regularizer, lambda_, len(of), present, interpolating, present - interpolating)
            )
    counts = ["n_in_grid", "n_present", "n_interpolating", "n_not_interpolating"]
    return typed(
        pd.DataFrame(rows, columns=["regularizer", "lambda", *counts]),
        {"regularizer": str, "lambda": np.float64, **dict.fromkeys(counts, np.int64)},
    )


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
    """Tell for each regularizer whether no run at its largest λ failed to interpolate.

    Then the edge of interpolation lies at a larger λ, which was not tried, and r_norm at the
    reported λ is an upper bound of what is left there.
    """
    counts = interpolation_counts(runs, grid)
    largest = counts[counts["lambda"] > 0].groupby("regularizer").tail(1)
    untried = (largest["n_interpolating"] > 0) & (largest["n_not_interpolating"] == 0)
    return dict(zip(largest["regularizer"], untried.tolist(), strict=True))


def optimality_values(measures: pd.DataFrame, grid: pd.DataFrame) -> pd.DataFrame:
    """Return the values of the interpolating runs of each panel of Figure 2.

    Returns:
        A row per value: ``regularizer`` (the panel), ``measure``, ``estimator``, ``pair``,
        ``size``, ``seed``, ``learning_rate``, ``lambda`` (0: the runs it is compared with, with the
        same learning rate), ``value``. `interpolation_counts` says how many runs are left out.
    """
    values = _panels(grid).merge(main_values(measures), on=COORDINATES)
    ranks = {
        column: {name: place for place, name in enumerate(entries)}
        for column, entries in (("regularizer", all_regularizers()), ("measure", all_measures()))
    }
    return values.assign(regularizer=values["panel"]).sort_values(
        ["regularizer", "measure", "estimator", "lambda", "pair", "seed"],
        key=lambda column: column.map(ranks[column.name]) if column.name in ranks else column,
        kind="stable",
        ignore_index=True,
    )[[*_RUN_OF_PANEL, "lambda", "value"]]


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
    grid, runs = grid_table(grid), typed(runs, _RUNS)
    rows = []
    for experiment in EXPERIMENTS:
        asked = grid.loc[grid[experiment], COORDINATES]
        present = asked.merge(runs, on=COORDINATES)
        row = {
            "experiment": experiment,
            "in_grid": len(asked),
            "present": len(present),
            "missing": len(asked) - len(present),
        }
        rows.append(row | {status: int((present["status"] == status).sum()) for status in STATUSES})
    return pd.DataFrame(rows)
