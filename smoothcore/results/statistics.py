"""The numbers of Table 1, Table 2 and Figure 2, from the tables of runs and measures.

Every function is pure and takes data frames:

- ``grid``: the runs the configuration asks for: the `COORDINATES` of a run and two booleans,
  ``monotonicity`` and ``optimality``, that say which experiments it belongs to.
- ``runs``: the runs there are: `COORDINATES`, ``status`` and ``interpolates``.
- ``measures``: `COORDINATES`, ``measure``, ``estimator``, ``value``, ``interpolates``.

Further columns are ignored, and so are runs outside the grid. A run that is missing, or that did
not reach the loss ε, is left out of every mean and shows in the counts beside it. Any table may be
empty: what cannot be computed is NaN.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import kendalltau

from smoothcore.measures import all_estimates, all_measures
from smoothcore.network.seeds import generator, stream
from smoothcore.regularizers import NONE, all_regularizers
from smoothcore.results.paper import NOT_GIVEN, PAPER_TABLE1, PAPER_TABLE2
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

N_RESAMPLES = 10_000
CONFIDENCE = 0.95

TABLE2_COLUMNS = [
    *("regularizer", "measure", "estimator", "lambda"),
    *("unregularized_mean", "regularized_mean", "lower_bound"),
    *("r_norm_mean", "r_norm_std", "r_norm_low", "r_norm_high", "n_matched", "n_in_grid"),
    *("paper_unregularized_mean", "paper_regularized_mean"),
    *("paper_r_norm_mean", "paper_r_norm_std"),
]

_GRID = {**COORDINATE_TYPES, "monotonicity": bool, "optimality": bool}
_RUNS = {**COORDINATE_TYPES, "status": str, "interpolates": bool}
_MEASURES = {
    **COORDINATE_TYPES,
    "measure": str,
    "estimator": str,
    "value": np.float64,
    "interpolates": bool,
}
_TAUS = {
    "measure": str,
    "estimator": str,
    "pair": str,
    "seed": np.int64,
    "tau": np.float64,
    "n_sizes": np.int64,
    "n_sizes_in_grid": np.int64,
}


def _typed(table: pd.DataFrame, types: dict) -> pd.DataFrame:
    """Return the named columns in their types; a table without rows may lack columns.

    Raises:
        ValueError: a truth value is missing, which pandas would turn into True, or a row that
            should be the only one of its kind is there twice.
    """
    columns = list(types)
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


def bootstrap_interval(values: pd.Series, pairs: pd.Series) -> tuple[float, float]:
    """Return the 95 % percentile bootstrap interval of the mean, resampling pairs.

    A pair is drawn with all its values (its seeds), because models of one pair share data and
    evaluation points. 10,000 resamples from a fixed stream: equal data give equal intervals.

    Args:
        values: finite values.
        pairs: the pair of each.

    Returns:
        Lower and upper end; NaN for fewer than two pairs.
    """
    by_pair = pd.Series(values.to_numpy()).groupby(pairs.to_numpy(), sort=True)
    sums, counts = by_pair.sum().to_numpy(), by_pair.count().to_numpy()
    n = len(sums)
    if n < 2:
        return float("nan"), float("nan")
    # how often each resample draws each pair
    times = generator(stream("bootstrap")).multinomial(n, np.full(n, 1 / n), size=N_RESAMPLES)
    means = (times @ sums) / (times @ counts)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def kendall_taus(measures: pd.DataFrame, grid: pd.DataFrame) -> pd.DataFrame:
    """Return Kendall's τ-b between training set size and measure for each (pair, seed) (Table 1).

    Only runs of the monotonicity experiment that interpolate count.

    Returns:
        One row per measure, estimator, pair and seed of the grid: ``tau`` (NaN with fewer than two
        sizes, or where all values are equal), ``n_sizes`` it was computed over and
        ``n_sizes_in_grid``.
    """
    grid, measures = _typed(grid, _GRID), _typed(measures, _MEASURES)
    cells = grid.loc[grid["monotonicity"], COORDINATES]
    usable = measures[measures["interpolates"] & measures["value"].notna()]
    groups = dict(
        iter(usable.merge(cells, on=COORDINATES).groupby(["measure", "estimator", "pair", "seed"]))
    )
    rows = []
    for measure, estimator in all_estimates():
        for (pair, seed), cell in cells.groupby(["pair", "seed"]):
            group = groups.get((measure, estimator, pair, seed), usable.iloc[:0])
            tau = kendalltau(group["size"], group["value"]).statistic if len(group) > 1 else np.nan
            rows.append((measure, estimator, pair, seed, tau, len(group), len(cell)))
    return _typed(pd.DataFrame(rows, columns=list(_TAUS)), _TAUS)


def table1(taus: pd.DataFrame) -> pd.DataFrame:
    """Return Table 1 from `kendall_taus`: one row per measure and estimator.

    Returns:
        ``mean`` and sample standard deviation ``std`` of the τ there are, the bootstrap interval
        of the mean ``low``, ``high``; ``n_values`` τ averaged, ``n_complete`` of them over all
        their sizes, ``n_in_grid`` asked for; ``paper_mean``, ``paper_std`` for the paper's
        estimator.
    """
    taus = _typed(taus, _TAUS)
    rows = []
    for measure, estimator in all_estimates():
        of = taus[(taus["measure"] == measure) & (taus["estimator"] == estimator)]
        finite = of[of["tau"].notna()]
        low, high = bootstrap_interval(finite["tau"], finite["pair"])
        published = _published(PAPER_TABLE1, measure, measure, estimator)
        rows.append(
            {
                "measure": measure,
                "estimator": estimator,
                "mean": finite["tau"].mean(),
                "std": finite["tau"].std(ddof=1),
                "low": low,
                "high": high,
                "n_values": len(finite),
                "n_complete": int((finite["n_sizes"] == finite["n_sizes_in_grid"]).sum()),
                "n_in_grid": len(of),
                "paper_mean": published.mean if published else NOT_GIVEN,
                "paper_std": published.std if published else NOT_GIVEN,
            }
        )
    return pd.DataFrame(rows)


def _optimality_cells(grid: pd.DataFrame) -> pd.DataFrame:
    """Return the runs of each panel of Figure 2: `COORDINATES` and ``panel``, a regularizer.

    A panel holds the runs with its regularizer and the λ = 0 runs they are compared with: same
    pair, size, seed and learning rate. A λ = 0 run can be in several panels.
    """
    grid = _typed(grid, _GRID)
    cells = grid.loc[grid["optimality"], COORDINATES]
    regularized = cells[cells["regularizer"] != NONE]
    regularized = regularized.assign(panel=regularized["regularizer"])
    match = ["pair", "size", "seed", "learning_rate"]
    panels = regularized[[*match, "panel"]].drop_duplicates()
    baselines = cells[cells["regularizer"] == NONE].merge(panels, on=match)
    return pd.concat([baselines, regularized], ignore_index=True)


def _measures_penalized() -> dict[str, str]:
    return {name: about.measure for name, about in all_regularizers().items()}


def _lower_bounds() -> dict[str, float]:
    return {name: about.lower_bound for name, about in all_measures().items()}


def _published(table: Mapping[str, Any], key: str, measure: str, estimator: str) -> Any:
    """Return the paper's figures, which come from the main estimator; None where it has none."""
    return table.get(key) if estimator == all_measures()[measure].main_estimator else None


def _panels_in_order(cells: pd.DataFrame) -> list[str]:
    present = set(cells["panel"])
    return [regularizer for regularizer in all_regularizers() if regularizer in present]


def interpolation_counts(runs: pd.DataFrame, grid: pd.DataFrame) -> pd.DataFrame:
    """Count the runs of the optimality experiment that interpolate, per regularizer and λ.

    Returns:
        One row per ``regularizer`` and ``lambda`` (0: the runs it is compared with), smallest λ
        first: ``n_in_grid``, ``n_present``, ``n_interpolating``, ``n_not_interpolating``. The
        unit is a (pair, seed): with one seed, as in the paper, a pair.
    """
    cells = _optimality_cells(grid).merge(_typed(runs, _RUNS), on=COORDINATES, how="left")
    cells["present"] = cells["interpolates"].notna()
    cells["interpolating"] = cells["interpolates"].eq(True)
    rows = []
    for regularizer in _panels_in_order(cells):
        panel = cells[cells["panel"] == regularizer]
        for lambda_, group in panel.groupby("lambda"):
            present, interpolating = int(group["present"].sum()), int(group["interpolating"].sum())
            rows.append(
                (regularizer, lambda_, len(group), present, interpolating, present - interpolating)
            )
    counts = ["n_in_grid", "n_present", "n_interpolating", "n_not_interpolating"]
    return _typed(
        pd.DataFrame(rows, columns=["regularizer", "lambda", *counts]),
        {"regularizer": str, "lambda": np.float64, **dict.fromkeys(counts, np.int64)},
    )


def reported_lambdas(runs: pd.DataFrame, grid: pd.DataFrame) -> dict[str, float]:
    """Return the λ that Table 2 reports for each regularizer of the grid.

    It is the largest λ of the grid at which at least half of the pairs of the grid interpolate
    (of the (pair, seed) where there are several seeds); NaN where there is none. A run that is
    missing counts as not interpolating, because the runs that finish first are the easy ones.
    """
    counts = interpolation_counts(runs, grid)
    counts = counts[counts["lambda"] > 0]
    enough = counts[2 * counts["n_interpolating"] >= counts["n_in_grid"]]
    largest = enough.groupby("regularizer")["lambda"].max()
    return {name: float(largest.get(name, np.nan)) for name in counts["regularizer"].unique()}


def optimality_values(measures: pd.DataFrame, grid: pd.DataFrame) -> pd.DataFrame:
    """Return the values behind the boxes of Figure 2: the interpolating runs of each panel.

    Returns:
        A row per value: ``regularizer`` (the panel), ``lambda`` (0: the runs it is compared with,
        with the same learning rate), ``learning_rate``, ``pair``, ``size``, ``seed``, ``measure``
        (the one the regularizer penalizes), ``estimator``, ``value``. How many runs are left out:
        `interpolation_counts`.
    """
    measures, cells = _typed(measures, _MEASURES), _optimality_cells(grid)
    values = cells.merge(measures[measures["interpolates"]], on=COORDINATES)
    values = values[values["measure"] == values["panel"].map(_measures_penalized())]
    rank = {name: position for position, name in enumerate(all_regularizers())}
    values = values.assign(regularizer=values["panel"]).sort_values(
        ["regularizer", "estimator", "lambda", "pair", "seed"],
        key=lambda column: column.map(rank) if column.name == "regularizer" else column,
        kind="stable",
        ignore_index=True,
    )
    return values[
        [
            *("regularizer", "lambda", "learning_rate", "pair", "size", "seed"),
            *("measure", "estimator", "value"),
        ]
    ]


def matched_values(measures: pd.DataFrame, runs: pd.DataFrame, grid: pd.DataFrame) -> pd.DataFrame:
    """Return the values Table 2 averages, of the pairs that interpolate at 0 and the reported λ.

    Returns:
        A row per regularizer, estimator, pair and seed: ``regularizer``, ``measure``,
        ``estimator``, ``pair``, ``size``, ``seed``, ``learning_rate``, ``lambda``, the values
        ``unregularized`` and ``regularized``, and ``r_norm`` =
        (S(f_λ) − l_S) / (S(f_0) − l_S) (equation 16), NaN where S(f_0) = l_S.
    """
    values = optimality_values(measures, grid)
    reported = values["regularizer"].map(reported_lambdas(runs, grid)).astype(np.float64)
    match = ["regularizer", "measure", "estimator", "pair", "size", "seed", "learning_rate"]
    baseline = values.loc[values["lambda"] == 0, [*match, "value"]]
    matched = values[values["lambda"] == reported].rename(columns={"value": "regularized"})
    matched = matched.merge(baseline.rename(columns={"value": "unregularized"}), on=match)
    bound = (
        matched["measure"]
        .map({m.name: m.lower_bound for m in all_measures().values()})
        .astype(np.float64)
    )
    gain = matched["unregularized"] - bound
    matched["r_norm"] = (matched["regularized"] - bound) / gain.where(gain != 0)
    return matched[[*match, "lambda", "unregularized", "regularized", "r_norm"]]


def table2(measures: pd.DataFrame, runs: pd.DataFrame, grid: pd.DataFrame) -> pd.DataFrame:
    """Return Table 2: one row per regularizer of the grid and estimator of its measure.

    Returns:
        The reported ``lambda``; ``unregularized_mean`` and ``regularized_mean`` of the measure,
        its ``lower_bound``; ``r_norm_mean``, sample standard deviation ``r_norm_std`` and the
        bootstrap interval of the mean ``r_norm_low``, ``r_norm_high``, which have no meaning and
        are NaN where ``unregularized_mean`` is not above the bound; all over the ``n_matched``
        pairs (of ``n_in_grid``) of `matched_values`; and the paper's figures, ``paper_…``, for the
        paper's regularizers and estimator.
    """
    reported = reported_lambdas(runs, grid)
    matched = matched_values(measures, runs, grid)
    counts = interpolation_counts(runs, grid)
    rows = []
    for regularizer, lambda_ in reported.items():
        measure = all_regularizers()[regularizer].measure
        in_grid = counts[(counts["regularizer"] == regularizer) & (counts["lambda"] > 0)]
        for estimator in (e for m, e in all_estimates() if m == measure):
            of = matched[
                (matched["regularizer"] == regularizer) & (matched["estimator"] == estimator)
            ]
            ratio = of[of["r_norm"].notna()]
            if not of["unregularized"].mean() > all_measures()[measure].lower_bound:
                # on test images f may differ by less than 2, and on fewer than half of the segments
                ratio = ratio.iloc[:0]
            low, high = bootstrap_interval(ratio["r_norm"], ratio["pair"])
            row = {
                "regularizer": regularizer,
                "measure": measure,
                "estimator": estimator,
                "lambda": lambda_,
                "unregularized_mean": of["unregularized"].mean(),
                "regularized_mean": of["regularized"].mean(),
                "lower_bound": all_measures()[measure].lower_bound,
                "r_norm_mean": ratio["r_norm"].mean(),
                "r_norm_std": ratio["r_norm"].std(ddof=1),
                "r_norm_low": low,
                "r_norm_high": high,
                "n_matched": len(of),
                "n_in_grid": int(in_grid["n_in_grid"].max()),
            }
            published = _published(PAPER_TABLE2, regularizer, measure, estimator)
            for name in ("unregularized_mean", "regularized_mean", "r_norm_mean", "r_norm_std"):
                row[f"paper_{name}"] = getattr(published, name) if published else NOT_GIVEN
            rows.append(row)
    return pd.DataFrame(rows, columns=TABLE2_COLUMNS)


def completeness(grid: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """Count the runs of each experiment.

    Returns:
        One row per experiment: ``experiment``, ``in_grid``, ``present``, ``missing``, and of those
        present the number with each status: ``interpolated``, ``max_epochs``, ``diverged``.
    """
    grid, runs = _typed(grid, _GRID), _typed(runs, _RUNS)
    rows = []
    for experiment in EXPERIMENTS:
        cells = grid.loc[grid[experiment], COORDINATES]
        present = cells.merge(runs, on=COORDINATES)
        row = {
            "experiment": experiment,
            "in_grid": len(cells),
            "present": len(present),
            "missing": len(cells) - len(present),
        }
        rows.append(row | {status: int((present["status"] == status).sum()) for status in STATUSES})
    return pd.DataFrame(rows)
