"""The numbers of every table and figure, from the tables of runs and measures.

Every function is pure and takes data frames:

- ``grid``: the runs the configuration asks for: the `COORDINATES` of a run and two booleans,
  ``monotonicity`` and ``optimality``, that say which experiments it belongs to.
- ``runs``: the runs so far: `COORDINATES`, ``status`` and ``interpolates``.
- ``measures``: `COORDINATES`, ``measure``, ``estimator``, ``images``, ``value``, ``interpolates``,
  and ``main``: the trained network on the images that the measure is defined on. Other rows are
  left out.

Further columns are ignored, and so are runs outside the grid. A run that is missing, or that did
not reach the loss ε, is left out of every mean and shows in the counts beside it. Any table may be
empty: what cannot be computed is NaN.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import bootstrap, kendalltau

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
_TAUS = {
    "measure": str,
    "estimator": str,
    "images": str,
    "pair": str,
    "seed": np.int64,
    "tau": np.float64,
    "n_sizes": np.int64,
    "n_sizes_in_grid": np.int64,
}
_RUN_OF_PANEL = ["regularizer", "measure", "estimator", "pair", "size", "seed", "learning_rate"]


def _typed(table: pd.DataFrame, types: dict) -> pd.DataFrame:
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


def main_values(measures: pd.DataFrame) -> pd.DataFrame:
    """Return the main rows of the runs that interpolate: what every table and figure shows."""
    if measures.empty:
        return _typed(measures, _MEASURES)
    if "main" not in measures or measures["main"].isna().any():
        raise ValueError("the table of measures must say in a column 'main' which rows are shown")
    table = _typed(measures[measures["main"].astype(bool)], _MEASURES)
    return table[table["interpolates"] & table["value"].notna()]


def bootstrap_interval(
    values: pd.Series, pairs: pd.Series, weights: pd.Series | float = 1.0
) -> tuple[float, float]:
    """Return the 95 % percentile bootstrap interval of Σ values / Σ weights, resampling pairs.

    A pair is drawn with all its values (its seeds), because models of one pair share data and
    evaluation points. 10,000 resamples from a fixed stream: equal data give equal intervals.

    Args:
        values: finite values.
        pairs: the pair of each.
        weights: 1 for the mean. A resample whose weights do not sum to more than 0 has no ratio.

    Returns:
        Lower and upper end; NaN for fewer than two pairs, or where too many resamples have no
        ratio.
    """
    table = pd.DataFrame({"values": np.asarray(values), "weights": weights})
    sums = table.groupby(np.asarray(pairs), sort=True).sum().to_numpy(np.float64)
    if len(sums) < 2:
        return float("nan"), float("nan")
    with np.errstate(invalid="ignore"):  # the standard error, which is not asked for
        found = bootstrap(
            (sums[:, 0], sums[:, 1]),
            _ratio,
            paired=True,
            n_resamples=N_RESAMPLES,
            confidence_level=CONFIDENCE,
            method="percentile",
            rng=generator(stream("bootstrap")),
        ).confidence_interval
    return (float(found.low), float(found.high)) if np.isfinite(found.high) else (np.nan, np.nan)


def _ratio(values: np.ndarray, weights: np.ndarray, axis: int = -1) -> np.ndarray:
    values, weights = values.sum(axis), weights.sum(axis)
    return np.divide(values, weights, out=np.full_like(values, np.inf), where=weights > 0)


def _mean(of: pd.DataFrame, column: str, name: str, std: bool = False) -> dict[str, float]:
    """Return the mean of a column with its interval, under names that begin with ``name``."""
    low, high = bootstrap_interval(of[column], of["pair"])
    spread = {f"{name}std": of[column].std(ddof=1)} if std else {}
    return {f"{name}mean": of[column].mean(), **spread, f"{name}low": low, f"{name}high": high}


def _estimates(measures: Any) -> list[tuple[str, str]]:
    """Return the estimates that a table has, all of them where it has no row."""
    there = set(zip(measures["measure"], measures["estimator"], strict=True))
    return [estimate for estimate in all_estimates() if estimate in there or not there]


def main_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the estimator that figures show of each measure."""
    main = {name: about.main_estimator for name, about in all_measures().items()}
    return table[table["estimator"] == table["measure"].map(main)]


def kendall_taus(measures: pd.DataFrame, grid: pd.DataFrame) -> pd.DataFrame:
    """Return Kendall's τ-b between training set size and measure for each (pair, seed) (Table 1).

    Only runs of the monotonicity experiment that interpolate count.

    Returns:
        One row per measure, estimator, pair and seed of the grid: the ``images`` of the measure,
        ``tau`` (NaN with fewer than two sizes, or where all values are equal), ``n_sizes`` it was
        computed over and ``n_sizes_in_grid``.
    """
    grid, usable = _typed(grid, _GRID), main_values(measures)
    asked = grid.loc[grid["monotonicity"], COORDINATES]
    images = dict(zip(usable["measure"], usable["images"], strict=True))
    groups = dict(
        iter(usable.merge(asked, on=COORDINATES).groupby(["measure", "estimator", "pair", "seed"]))
    )
    rows = []
    for measure, estimator in _estimates(usable):
        for (pair, seed), sizes in asked.groupby(["pair", "seed"]):
            of = groups.get((measure, estimator, pair, seed), usable.iloc[:0])
            tau = kendalltau(of["size"], of["value"]).statistic if len(of) > 1 else np.nan
            where = images.get(measure, "")
            rows.append((measure, estimator, where, pair, seed, tau, len(of), len(sizes)))
    return _typed(pd.DataFrame(rows, columns=list(_TAUS)), _TAUS)


def table1(taus: pd.DataFrame) -> pd.DataFrame:
    """Return Table 1 from `kendall_taus`: one row per measure and estimator.

    Returns:
        ``mean`` and sample standard deviation ``std`` of the τ so far, the bootstrap interval of
        the mean ``low``, ``high``; ``n_values`` τ averaged of ``n_pairs`` pairs, over ``n_sizes``
        sizes at most, ``n_complete`` of them over all their sizes, ``n_in_grid`` asked for;
        ``paper_mean``, ``paper_std`` for the paper's estimator.
    """
    taus = _typed(taus, _TAUS)
    rows = []
    for measure, estimator in _estimates(taus):
        of = taus[(taus["measure"] == measure) & (taus["estimator"] == estimator)]
        finite = of[of["tau"].notna()]
        published = _published(PAPER_TABLE1, measure, measure, estimator)
        rows.append(
            {
                "measure": measure,
                "estimator": estimator,
                "images": of["images"].max() if len(of) else "",
                **_mean(finite, "tau", "", std=True),
                "n_values": len(finite),
                "n_pairs": finite["pair"].nunique(),
                "n_sizes": finite["n_sizes"].max() if len(finite) else 0,
                "n_complete": int((finite["n_sizes"] == finite["n_sizes_in_grid"]).sum()),
                "n_in_grid": len(of),
                "paper_mean": published.mean if published else NOT_GIVEN,
                "paper_std": published.std if published else NOT_GIVEN,
            }
        )
    # the paper's measures first
    return pd.DataFrame(sorted(rows, key=lambda row: row["measure"] not in PAPER_TABLE1))


def _panels(grid: pd.DataFrame) -> pd.DataFrame:
    """Return the runs of each panel of Figure 2: `COORDINATES` and ``panel``, a regularizer.

    A panel holds the runs with its regularizer and the λ = 0 runs they are compared with: same
    pair, size, seed and learning rate. A λ = 0 run can be in several panels.
    """
    grid = _typed(grid, _GRID)
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


def _published(table: Mapping[str, Any], key: str, measure: str, estimator: str) -> Any:
    """Return the paper's figures, which come from the main estimator; None where it has none."""
    return table.get(key) if estimator == all_measures()[measure].main_estimator else None


def interpolation_counts(runs: pd.DataFrame, grid: pd.DataFrame) -> pd.DataFrame:
    """Count the runs of the optimality experiment that interpolate, per regularizer and λ.

    Returns:
        One row per ``regularizer`` and ``lambda`` (0: the runs it is compared with), smallest λ
        first: ``n_in_grid``, ``n_present``, ``n_interpolating``, ``n_not_interpolating``. The
        unit is a (pair, seed): with one seed, as in the paper, a pair.
    """
    asked = _panels(grid).merge(_typed(runs, _RUNS), on=COORDINATES, how="left")
    asked["present"] = asked["interpolates"].notna()
    asked["interpolating"] = asked["interpolates"].eq(True)
    rows = []
    for regularizer in all_regularizers():
        for lambda_, of in asked[asked["panel"] == regularizer].groupby("lambda"):
            present, interpolating = int(of["present"].sum()), int(of["interpolating"].sum())
            counts = (len(of), present, interpolating, present - interpolating)
            rows.append((regularizer, lambda_, *counts))
    counts = ["n_in_grid", "n_present", "n_interpolating", "n_not_interpolating"]
    return _typed(
        pd.DataFrame(rows, columns=["regularizer", "lambda", *counts]),
        {"regularizer": str, "lambda": np.float64, **dict.fromkeys(counts, np.int64)},
    )


def reported_lambdas(runs: pd.DataFrame, grid: pd.DataFrame) -> dict[str, float]:
    """Return the λ that Table 2 reports for each regularizer of the grid.

    It is the largest λ of the grid at which at least half of the pairs of the grid interpolate
    (of the (pair, seed) where a study has several seeds); NaN if no λ qualifies. A run that is
    missing counts as not interpolating, because the runs that finish first are the easy ones.
    """
    counts = interpolation_counts(runs, grid)
    counts = counts[counts["lambda"] > 0]
    enough = counts[2 * counts["n_interpolating"] >= counts["n_in_grid"]]
    largest = enough.groupby("regularizer")["lambda"].max()
    return {name: float(largest.get(name, np.nan)) for name in counts["regularizer"].unique()}


def untried_beyond(runs: pd.DataFrame, grid: pd.DataFrame) -> dict[str, bool]:
    """Tell for each regularizer whether every run at its largest λ interpolates.

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


def r_norms(measures: pd.DataFrame, runs: pd.DataFrame, grid: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `matched_values` of the penalized measure, each with its r_norm.

    Returns:
        Also ``lower_bound`` l_S and ``r_norm`` = (S(f_λ) − l_S) / (S(f_0) − l_S) (equation 16), NaN
        where S(f_0) = l_S.
    """
    matched = penalized(matched_values(measures, runs, grid)).reset_index(drop=True)
    bounds = {name: about.lower_bound for name, about in all_measures().items()}
    matched["lower_bound"] = matched["measure"].map(bounds).astype(np.float64)
    above = matched["unregularized"] - matched["lower_bound"]
    matched["r_norm"] = (matched["regularized"] - matched["lower_bound"]) / above.where(above != 0)
    return matched


def _penalty(of: pd.DataFrame, bound: float) -> dict[str, Any]:
    """Return the numbers of `penalties` from the rows of `r_norms` they are made of."""
    above, left, ratio = of["unregularized"] - bound, of["regularized"] - bound, of
    if not above.mean() > 0:
        # on test images f may differ by less than 2, and fewer than half of the segments join two
        # digits: no ratio has a meaning
        above, left, ratio = above.iloc[:0], left.iloc[:0], of.iloc[:0]
    ratio = ratio[ratio["r_norm"].notna()]
    low, high = bootstrap_interval(left, of.loc[left.index, "pair"], above)
    return {
        **_mean(of, "unregularized", "unregularized_"),
        **_mean(of, "regularized", "regularized_"),
        "lower_bound": bound,
        **_mean(ratio, "r_norm", "r_norm_", std=True),
        "ratio_of_means": left.mean() / above.mean(),
        "ratio_of_means_low": low,
        "ratio_of_means_high": high,
        "n_both": len(of),
        "n_at_bound": int((of["unregularized"] <= bound).sum()),
        "n_matched": len(ratio),
        "n_pairs": ratio["pair"].nunique(),
    }


def penalties(measures: pd.DataFrame, runs: pd.DataFrame, grid: pd.DataFrame) -> pd.DataFrame:
    """Return what each penalty leaves of its measure at each λ.

    Returns:
        One row per regularizer, λ > 0 and estimator of its measure, and one with a λ of NaN for a
        regularizer that has no reported one. ``unregularized_…`` and ``regularized_…`` are the
        means of the measure over the ``n_both`` runs that interpolate at λ and at 0;
        ``lower_bound`` is l_S, and ``n_at_bound`` of them lie at or below it without a penalty.
        ``r_norm_…`` is the mean of equation 16 over ``n_matched`` runs of ``n_pairs`` pairs:
        ``mean``, sample standard deviation ``std`` and bootstrap interval ``low``, ``high``;
        ``ratio_of_means`` is (mean S(f_λ) − l_S) / (mean S(f_0) − l_S) with its interval. Neither
        has a meaning, and both are NaN, where the unregularized mean is not above the bound.
        ``n_interpolating`` of ``n_in_grid`` runs interpolate at λ. ``reported``: Table 2 reports
        this λ. ``upper_bound``: every run at the largest λ interpolates, so that the ratio at a
        larger one may be lower.
    """
    r_norm, reported = r_norms(measures, runs, grid), reported_lambdas(runs, grid)
    untried, counts = untried_beyond(runs, grid), interpolation_counts(runs, grid)
    keys = counts.loc[counts["lambda"] > 0].to_dict("records")
    for name, value in reported.items():
        if np.isnan(value):
            of = [key for key in keys if key["regularizer"] == name]
            n_in_grid = max(key["n_in_grid"] for key in of)
            keys.append({**of[0], "lambda": value, "n_interpolating": 0, "n_in_grid": n_in_grid})
    rows = []
    for key in keys:
        name, value = key["regularizer"], key["lambda"]
        about = all_measures()[all_regularizers()[name].measure]
        of = r_norm[(r_norm["regularizer"] == name) & (r_norm["lambda"] == value)]
        for estimator in about.estimators:
            rows.append(
                {
                    **{"regularizer": name, "measure": about.name, "estimator": estimator},
                    "lambda": value,
                    **_penalty(of[of["estimator"] == estimator], about.lower_bound),
                    **{column: key[column] for column in ("n_interpolating", "n_in_grid")},
                    "reported": value == reported[name] or bool(np.isnan(value)),
                    "upper_bound": untried[name],
                }
            )
    columns = ["regularizer", "measure", "estimator", "lambda", *_penalty(r_norm.iloc[:0], 0.0)]
    columns += ["n_interpolating", "n_in_grid", "reported", "upper_bound"]
    rank = {name: position for position, name in enumerate(all_regularizers())}
    table = pd.DataFrame(sorted(rows, key=lambda row: rank[row["regularizer"]]), columns=columns)
    return table.astype({"reported": bool, "upper_bound": bool})


def table2(penalties: pd.DataFrame) -> pd.DataFrame:
    """Return Table 2: the rows of `penalties` at the reported λ, and the paper's as ``paper_…``."""
    table = penalties[penalties["reported"]].drop(columns="reported")
    columns = ["unregularized_mean", "regularized_mean", "r_norm_mean", "r_norm_std"]
    published = [
        _published(PAPER_TABLE2, *row)
        for row in zip(table["regularizer"], table["measure"], table["estimator"], strict=True)
    ]
    paper = {
        f"paper_{name}": [getattr(of, name) if of else NOT_GIVEN for of in published]
        for name in columns
    }
    return table.reset_index(drop=True).assign(**paper)


def penalty_effects(measures: pd.DataFrame, runs: pd.DataFrame, grid: pd.DataFrame) -> pd.DataFrame:
    """Return what each penalty does to every measure, at its reported λ.

    Returns:
        One row per regularizer, measure and estimator: ``penalized``, the measure that the
        regularizer penalizes; ``mean``, ``std`` and bootstrap interval ``low``, ``high`` of
        S(f_λ) / S(f_0) over the ``n_matched`` runs of ``n_pairs`` pairs that interpolate at both.
    """
    matched = matched_values(measures, runs, grid)
    matched = matched[matched["reported"] & (matched["unregularized"] > 0)]
    matched = matched.assign(ratio=matched["regularized"] / matched["unregularized"])
    rows = []
    for regularizer, lambda_ in reported_lambdas(runs, grid).items():
        for measure, estimator in _estimates(matched):
            of = matched[
                (matched["regularizer"] == regularizer)
                & (matched["measure"] == measure)
                & (matched["estimator"] == estimator)
            ]
            counts = (len(of), of["pair"].nunique())
            key = (regularizer, lambda_, all_regularizers()[regularizer].measure)
            rows.append((*key, measure, estimator, *_mean(of, "ratio", "", True).values(), *counts))
    columns = ["regularizer", "lambda", "penalized", "measure", "estimator"]
    return pd.DataFrame(
        rows, columns=[*columns, "mean", "std", "low", "high", "n_matched", "n_pairs"]
    )


def all_tables(
    measures: pd.DataFrame, runs: pd.DataFrame, grid: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Return every table by the name of its file."""
    taus, edge = kendall_taus(measures, grid), penalties(measures, runs, grid)
    return {
        "table1": table1(taus),
        "table2": table2(edge),
        "kendall_tau": taus,
        "r_norm": r_norms(measures, runs, grid),
        "edge": edge,
        "penalty_effects": penalty_effects(measures, runs, grid),
    }


def completeness(grid: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """Count the runs of each experiment.

    Returns:
        One row per experiment: ``experiment``, ``in_grid``, ``present``, ``missing``, and of those
        present the number with each status: ``interpolated``, ``max_epochs``, ``diverged``.
    """
    grid, runs = _typed(grid, _GRID), _typed(runs, _RUNS)
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
