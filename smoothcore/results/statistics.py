"""The numbers of every table, from the tables that `selection` describes.

Every function is pure. What cannot be computed is NaN.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import bootstrap, kendalltau

from smoothcore.measures import all_estimates, all_measures
from smoothcore.network.seeds import generator, stream
from smoothcore.regularizers import all_regularizers
from smoothcore.results.paper import PAPER_TABLE1, PAPER_TABLE2
from smoothcore.results.selection import (
    COORDINATES,
    in_order,
    interpolation_counts,
    learning_rates,
    main_rows,
    main_values,
    matched_values,
    penalized,
    reported_lambdas,
    runs_of,
    typed,
    untried_beyond,
)

N_RESAMPLES = 10_000
CONFIDENCE = 0.95

_RATIOS = ["measure", "estimator", "mean", "std", "low", "high", "n_matched", "n_pairs"]
_COUNTS = ["n_interpolating", "n_present", "n_in_grid"]
_TAUS = ["measure", "estimator", "images", "pair", "seed", "tau", "n_sizes", "n_sizes_in_grid"]


def bootstrap_interval(
    values: pd.Series, pairs: pd.Series, weights: pd.Series | float = 1.0
) -> tuple[float, float]:
    """Return the 95 % percentile bootstrap interval of Σ values / Σ weights, resampling pairs.

    A pair is drawn with all its values (its seeds), because networks of one pair share data and
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


def kendall_taus(measures: pd.DataFrame, grid: pd.DataFrame) -> pd.DataFrame:
    """Return Kendall's τ-b between training set size and measure for each (pair, seed) (Table 1).

    Only runs of the monotonicity experiment that interpolate count.

    Returns:
        One row per measure, estimator, pair and seed of the grid: the ``images`` of the measure,
        ``tau`` (NaN with fewer than two sizes, or fewer than half of them, or where all values are
        equal), ``n_sizes`` it was computed over and ``n_sizes_in_grid``.
    """
    usable, asked = main_values(measures), runs_of("monotonicity", grid)
    images = dict(zip(usable["measure"], usable["images"], strict=True))
    groups = dict(
        iter(usable.merge(asked, on=COORDINATES).groupby(["measure", "estimator", "pair", "seed"]))
    )
    rows = []
    for measure, estimator in _estimates(usable):
        for (pair, seed), sizes in asked.groupby(["pair", "seed"]):
            of = groups.get((measure, estimator, pair, seed), usable.iloc[:0])
            enough = len(of) >= max(2, len(sizes) / 2)
            # rounded: SciPy's 1 is 0.9999999999999999
            tau = round(kendalltau(of["size"], of["value"]).statistic, 12) if enough else np.nan
            where = images.get(measure, "")
            rows.append((measure, estimator, where, pair, seed, tau, len(of), len(sizes)))
    return typed(pd.DataFrame(rows, columns=_TAUS), _TAUS)


def table1(taus: pd.DataFrame) -> pd.DataFrame:
    """Return Table 1 from `kendall_taus`: one row per measure and estimator.

    Returns:
        ``mean`` and sample standard deviation ``std`` of the τ that are there, with the bootstrap
        interval of the mean ``low``, ``high``; ``seed_stderr``, the standard error of the mean that
        the scatter between seeds alone gives, the pairs being these. ``n_values`` of ``n_in_grid``
        pairs and seeds have a τ, ``n_complete`` of them over every size, and at least half of them
        over ``n_sizes`` sizes or more; they are of ``n_pairs`` pairs. ``paper_mean``,
        ``paper_std``: the paper's, at its estimator.
    """
    taus = typed(taus, _TAUS)
    rows = []
    for measure, estimator in _estimates(taus):
        of = taus[(taus["measure"] == measure) & (taus["estimator"] == estimator)]
        finite = of[of["tau"].notna()]
        rows.append(
            {
                "measure": measure,
                "estimator": estimator,
                "images": of["images"].max() if len(of) else "",
                **_mean(finite, "tau", "", std=True),
                "seed_stderr": _seed_stderr(finite),
                "n_values": len(finite),
                "n_pairs": finite["pair"].nunique(),
                "n_sizes": int(finite["n_sizes"].quantile(0.5, "lower")) if len(finite) else 0,
                "n_complete": int((finite["n_sizes"] == finite["n_sizes_in_grid"]).sum()),
                "n_in_grid": len(of),
            }
        )
    # the paper's measures first
    table = pd.DataFrame(sorted(rows, key=lambda row: row["measure"] not in PAPER_TABLE1))
    return _beside_paper(table, "measure", PAPER_TABLE1)


def _seed_stderr(of: pd.DataFrame) -> float:
    """Return the standard error of the mean τ of the pairs at hand; NaN with one seed each."""
    by_seed = of["tau"] - of.groupby("pair")["tau"].transform("mean")
    freedom = len(of) - of["pair"].nunique()
    return np.sqrt((by_seed**2).sum() / freedom / len(of)) if freedom else np.nan


def _beside_paper(table: pd.DataFrame, key: str, published: Mapping[str, Any]) -> pd.DataFrame:
    """Add the paper's figures, which come from the main estimators, as ``paper_…``."""
    paper = pd.DataFrame(published.values(), index=list(published))
    paper = paper.drop(columns="learning_rate", errors="ignore")
    paper = paper.rename(columns=lambda name: f"paper_{name.rstrip('_')}")
    main = main_rows(table)[key]
    return table.join(paper.reindex(main).set_axis(main.index))


def r_norms(measures: pd.DataFrame, runs: pd.DataFrame, grid: pd.DataFrame) -> pd.DataFrame:
    """Return what each penalty leaves of its measure S, of runs that interpolate at λ and at 0.

    Returns:
        One row per ``regularizer``, ``measure`` S, ``estimator``, ``pair``, ``size``, ``seed``,
        ``learning_rate`` and ``lambda`` > 0: ``unregularized`` S(f_0) and ``regularized`` S(f_λ);
        whether Table 2 ``reported`` this λ; ``lower_bound`` l_S; ``r_norm`` = (S(f_λ) − l_S) /
        (S(f_0) − l_S) (equation 16), NaN where S(f_0) = l_S.
    """
    matched = penalized(matched_values(measures, runs, grid)).reset_index(drop=True)
    bounds = {name: about.lower_bound for name, about in all_measures().items()}
    matched["lower_bound"] = matched["measure"].map(bounds).astype(np.float64)
    above = matched["unregularized"] - matched["lower_bound"]
    matched["r_norm"] = (matched["regularized"] - matched["lower_bound"]) / above.where(above != 0)
    return matched


def _penalty(of: pd.DataFrame, bound: float) -> dict[str, Any]:
    """Return the numbers of `penalties` from the rows of `r_norms` they are made of."""
    # on test images f may differ by less than 2, and fewer than half of the segments join two
    # digits: then no ratio has a meaning
    usable = of if (of["unregularized"] - bound).mean() > 0 else of.iloc[:0]
    above, left = usable["unregularized"] - bound, usable["regularized"] - bound
    low, high = bootstrap_interval(left, usable["pair"], above)
    ratio = usable[usable["r_norm"].notna()]
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
        ``ratio_of_means`` is (mean S(f_λ) − l_S) / (mean S(f_0) − l_S) with its interval. Both are
        NaN where the unregularized mean is not above the bound. Of ``n_in_grid`` runs at λ
        ``n_present`` are there, and ``n_interpolating`` of them interpolate. ``reported``: Table 2
        reports this λ. ``upper_bound``: no larger λ than the reported one was shown to be too large
        for half of the runs, so that the ratio at one may be lower.
    """
    r_norm, reported = r_norms(measures, runs, grid), reported_lambdas(runs, grid)
    untried, counts = untried_beyond(runs, grid), interpolation_counts(runs, grid)
    tried = counts[counts["lambda"] > 0]
    without = tried[tried["regularizer"].map(reported).isna()].groupby("regularizer")
    without = without[_COUNTS].max().reset_index()
    rows = []
    for key in in_order(pd.concat([tried, without]), "regularizer", "lambda").to_dict("records"):
        name, value = key["regularizer"], key["lambda"]
        about = all_measures()[all_regularizers()[name].measure]
        of = r_norm[(r_norm["regularizer"] == name) & (r_norm["lambda"] == value)]
        for estimator in about.estimators:
            row = {"regularizer": name, "measure": about.name, "estimator": estimator}
            row |= {"lambda": value}
            row |= _penalty(of[of["estimator"] == estimator], about.lower_bound)
            row |= {column: key[column] for column in _COUNTS}
            row["reported"] = value == reported[name] or bool(np.isnan(value))
            rows.append(row | {"upper_bound": untried[name]})
    columns = ["regularizer", "measure", "estimator", "lambda", *_penalty(r_norm.iloc[:0], 0.0)]
    columns += [*_COUNTS, "reported", "upper_bound"]
    return pd.DataFrame(rows, columns=columns).astype({"reported": bool, "upper_bound": bool})


def table2(penalties: pd.DataFrame) -> pd.DataFrame:
    """Return Table 2: the rows of `penalties` at the reported λ, and the paper's as ``paper_…``.

    Returns:
        The columns of `penalties` but ``reported``, and ``paper_lambda``,
        ``paper_unregularized_mean``, ``paper_regularized_mean``, ``paper_r_norm_mean`` and
        ``paper_r_norm_std``: what the paper gives, at its own λ.
    """
    table = penalties[penalties["reported"]].drop(columns="reported").reset_index(drop=True)
    return _beside_paper(table, "regularizer", PAPER_TABLE2)


def _ratios(of: pd.DataFrame, estimates: list[tuple[str, str]]) -> Iterator[tuple[Any, ...]]:
    """Yield the columns `_RATIOS` of each estimate, from rows with a column ``ratio``."""
    for measure, estimator in estimates:
        rows = of[(of["measure"] == measure) & (of["estimator"] == estimator)]
        mean = _mean(rows, "ratio", "", std=True).values()
        yield measure, estimator, *mean, len(rows), rows["pair"].nunique()


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
        key = (regularizer, lambda_, all_regularizers()[regularizer].measure)
        of = matched[matched["regularizer"] == regularizer]
        rows += [(*key, *ratios) for ratios in _ratios(of, _estimates(matched))]
    return pd.DataFrame(rows, columns=["regularizer", "lambda", "penalized", *_RATIOS])


def rate_effects(measures: pd.DataFrame, grid: pd.DataFrame) -> pd.DataFrame:
    """Return what another learning rate does to every measure, without a penalty.

    Both networks interpolate the same images. So what is left at ``other_rate`` bounds how near its
    optimum a measure can be at ``learning_rate``, as r_norm does, without any penalty.

    Returns:
        One row per ordered pair of learning rates of the optimality experiment, measure and
        estimator: ``mean``, ``std`` and bootstrap interval ``low``, ``high`` of S at
        ``other_rate`` / S at ``learning_rate`` over the ``n_matched`` runs of ``n_pairs`` pairs
        that interpolate at both.
    """
    matched = learning_rates(measures, grid)
    matched = matched[matched["value"] > 0]
    matched = matched.assign(ratio=matched["other_value"] / matched["value"])
    rows = []
    for rates, both in matched.groupby(["learning_rate", "other_rate"]):
        rows += [(*rates, *ratios) for ratios in _ratios(both, _estimates(matched))]
    return pd.DataFrame(rows, columns=["learning_rate", "other_rate", *_RATIOS])


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
        "rate_effects": rate_effects(measures, grid),
    }
