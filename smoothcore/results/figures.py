"""The figures of the study; the numbers come from `statistics` and `toy`."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter, NullLocator

from smoothcore.measures import all_measures
from smoothcore.network.two_layer import TwoLayerNetwork
from smoothcore.readable import power_of_ten, three_digits
from smoothcore.regularizers import all_regularizers
from smoothcore.results import selection, toy
from smoothcore.results.collected import Results
from smoothcore.results.style import (
    COLORS,
    DASHES,
    DATA_POINTS,
    FAINT,
    GROUND,
    INK,
    LONG_NAMES,
    MUTED,
    PAGE,
    figure_style,
    note,
    panels,
)

_TOY_TITLES = {"smooth": "smooth", "rough": "not smooth"}

#: quartiles of fewer values than Tukey's five numbers show nothing that their dots do not show
MIN_BOX = 5

NOTHING = {
    "measure": "no interpolating run yet",
    "run": "no run yet",
    "lambda": "no λ is reported yet",
    "both": "no pair yet that interpolates\nat λ = 0 and at the reported λ",
    "regularizer": "The study has no optimality experiment.",
}


def figure1(networks: Mapping[str, TwoLayerNetwork]) -> Figure:
    """Draw the networks of `toy.RUNS` with the points that both interpolate and their measures.

    Above each stand the paper's measures, means over random points or segments of the interval
    shown, and the total variation of the curve as it is drawn.
    """
    data = toy.training_set()
    x = toy.interval(2001)
    with figure_style():
        figure = Figure(figsize=(PAGE, 2.35))
        shown = figure.subplots(1, len(networks), sharex=True, sharey=True)
        for axes, letter, (name, network) in zip(shown, "ab", networks.items(), strict=False):
            f = network.astype(np.float64)(x)
            axes.plot(x[:, 0], f, color=INK, lw=1.3, zorder=2)
            axes.plot(
                data.x[:, 0], data.y, "o", ms=5, mfc=DATA_POINTS, mec=GROUND, mew=0.8, zorder=3
            )
            values = {m: found.value for m, found in toy.measure_toy(network).items()}
            values["curve"] = float(np.abs(np.diff(f)).sum())
            text = "   ".join(f"{m} {three_digits(value)}" for m, value in values.items())
            axes.set_title(f"({letter}) {_TOY_TITLES[name]}", pad=16)
            axes.text(0, 1.035, text, transform=axes.transAxes, fontsize=7, color=INK)
            settings = f"$\\alpha = {toy.RUNS[name].alpha:g}$,  $L(f)$ = "
            axes.text(
                0.985, 0.93, settings + power_of_ten(network.loss(*data)),
                transform=axes.transAxes, ha="right", fontsize=7, color=MUTED,
            )  # fmt: skip
            axes.set_xlabel("$x$")
        shown[0].set_ylabel("$f(x)$")
    return figure


def panels_of(column: str, table: pd.DataFrame, *layout: Any, **options: Any):
    """Return a figure, and each measure or regularizer of a table with its axes and its rows.

    ``layout`` and ``options`` are those of `style.panels`.
    """
    entries, pad = (all_measures(), 6) if column == "measure" else (all_regularizers(), 12)
    names = [name for name in entries if name in set(table[column])]
    figure, axes = panels(len(names), *layout, **options)
    if not names:
        note(axes[0][0], NOTHING[column])
    shown = []
    for name, of in zip(names, axes, strict=False):
        title = f"{name} ({LONG_NAMES[name]})" if column == "measure" else name
        color = COLORS[getattr(entries[name], "measure", name)]
        of[0].set_title(title if len(title) < 32 else name, color=color, pad=pad)
        shown.append((name, of, table[table[column] == name]))
    return figure, shown


def monotonicity_figure(measures: pd.DataFrame, grid: pd.DataFrame) -> Figure:
    """Draw each measure against the training set size: a line per pair, the mean on top.

    A line is the mean over the seeds of the runs that interpolate. The mean on top is over the
    pairs that have a value at every size there is, so that no pair's absence bends it.
    """
    asked = selection.runs_of("monotonicity", grid)
    values = selection.main_values(measures).merge(asked, on=selection.COORDINATES)
    shown = selection.main_rows(values)
    with figure_style():
        figure, drawn = panels_of("measure", shown, 3, 1.8)
        for name, (axes,), of in drawn:
            lines = of.pivot_table(index="size", columns="pair", values="value")
            axes.plot(lines, color=COLORS[name], lw=0.6, alpha=0.35, marker=".", ms=2)
            complete = lines.dropna(axis="columns")
            if not complete.empty:
                axes.plot(complete.mean(axis="columns"), color=INK, lw=1.8, marker="o", ms=3)
            axes.set_xscale("log", base=2)
            axes.xaxis.set_minor_locator(NullLocator())
            ticks = lines.index[:: -(-len(lines) // 5)]
            axes.set_xticks(ticks, [f"{size:,}" for size in ticks])
            axes.grid(axis="y")
        figure.supxlabel("training images $n$", fontsize=7.5)
    return figure


def figure2(values: pd.DataFrame, counts: pd.DataFrame) -> Figure:
    """Draw the measure that each regularizer penalizes, one row per λ, λ = 0 on the first.

    Dots are runs. Boxes span the quartiles, whiskers the values within 1.5 box lengths; fewer than
    `MIN_BOX` dots have no box. Beside each row stands how many of the runs of the grid interpolate.

    Args:
        values: from `selection.optimality_values`.
        counts: from `selection.interpolation_counts`.
    """
    shown = selection.main_rows(selection.penalized(values))
    longest = counts.groupby("regularizer").size().max() if len(counts) else 3
    with figure_style():
        figure, drawn = panels_of("regularizer", counts, 2, 0.75 + 0.3 * longest)
        for name, (axes,), rows in drawn:
            _boxes(axes, name, shown[shown["regularizer"] == name], rows)
    return figure


def _boxes(axes: Axes, regularizer: str, values: pd.DataFrame, counts: pd.DataFrame) -> None:
    measure = all_regularizers()[regularizer].measure
    rows = counts.sort_values("lambda").reset_index(drop=True)
    for row, key in rows.iterrows():
        of = values.loc[values["lambda"] == key["lambda"], "value"].to_numpy()
        color = MUTED if key["lambda"] == 0 else COLORS[measure]
        if len(of) >= MIN_BOX:
            with warnings.catch_warnings():
                # seaborn 0.13 says which way they lie as Matplotlib below 3.11 wants it
                warnings.filterwarnings("ignore", "vert: bool was deprecated")
                sns.boxplot(
                    x=of, y=[row] * len(of), orient="y", native_scale=True, width=0.56,
                    showfliers=False, ax=axes,
                    boxprops={"facecolor": (color, 0.2), "edgecolor": color, "lw": 0.9},
                    medianprops={"color": INK, "lw": 1.4, "solid_capstyle": "butt"},
                    whiskerprops={"color": color, "lw": 0.9}, capprops={"color": color, "lw": 0.9},
                )  # fmt: skip
        # a fixed spread: the same figure every time
        spread = 0.2 * np.sin(2.4 * np.arange(len(of)))
        size = 3 if len(of) >= MIN_BOX else 7
        axes.plot(of, row + spread, ".", ms=size, mew=0, alpha=0.8, zorder=3, color=color)
        count = f"{key['n_interpolating']}/{key['n_in_grid']}"
        axes.text(
            1.015, row, count, transform=axes.get_yaxis_transform(), va="center", fontsize=6.5,
            color=INK if len(of) else MUTED,
        )  # fmt: skip
        if not len(of):
            axes.text(
                0.5, row, "no run interpolates" if key["n_present"] else NOTHING["run"],
                transform=axes.get_yaxis_transform(), va="center", ha="center", fontsize=6.5,
                color=MUTED, style="italic",
            )  # fmt: skip
    _mark_lower_bound(axes, all_measures()[measure].lower_bound, values["value"])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks(range(len(rows)), [power_of_ten(value) for value in rows["lambda"]])
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(f"{measure} ({LONG_NAMES[measure]})")
    for x, head, alignment in ((-0.02, "$\\lambda$", "right"), (1.015, "interp.", "left")):
        axes.annotate(
            head, (x, 1), xycoords="axes fraction", xytext=(0, 3), textcoords="offset points",
            ha=alignment, fontsize=6.5, color=MUTED,
        )  # fmt: skip
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)


def _mark_lower_bound(axes: Axes, bound: float, values: pd.Series) -> None:
    """Draw l_S; where it is so far below all values that it would squeeze them, point to it."""
    near = values.empty or values.min() - bound < 2 * (values.max() - values.min())
    if values.empty:
        axes.set_xlim(bound - 0.15, bound + 1)
    if near:
        axes.axvline(bound, color=INK, lw=0.9, ls=DASHES, zorder=1)
    axes.annotate(
        f"$l_S = {bound:g}$" if near else f"$\\leftarrow\\; l_S = {bound:g}$",
        (bound, 1) if near else (0, 1),
        xycoords=axes.get_xaxis_transform() if near else "axes fraction",
        xytext=(2 if near else 0, 3), textcoords="offset points", fontsize=6.5, color=INK,
    )  # fmt: skip


def r_norm_figure(r_norms: pd.DataFrame, penalties: pd.DataFrame) -> Figure:
    """Draw each pair at λ = 0 and at the reported λ, joined by a line, and its r_norm at the right.

    Args:
        r_norms: from `statistics.r_norms`.
        penalties: from `statistics.penalties`, for the mean r_norm and its interval.
    """
    shown = selection.main_rows(r_norms[r_norms["reported"]])
    table = selection.main_rows(penalties[penalties["reported"]])
    with figure_style():
        figure, drawn = panels_of("regularizer", table, 3, 2.2, (2, 1))
        for name, (axes, right), rows in drawn:
            of, row = shown[shown["regularizer"] == name], rows.iloc[0]
            if of.empty:
                right.remove()
                lacking = "lambda" if np.isnan(row["lambda"]) else "both"
                note(axes, NOTHING[lacking if row["n_present"] else "run"])
                continue
            color = COLORS[row["measure"]]
            both = of[["unregularized", "regularized"]].T.to_numpy()
            axes.plot([0, 1], both, color=color, lw=0.7, alpha=0.6, marker=".", ms=3)
            axes.set(xlim=(-0.2, 1.2), ylabel=row["measure"])
            axes.set_xticks([0, 1], ["λ = 0", power_of_ten(row["lambda"])])
            spread = 0.1 * np.sin(2.4 * np.arange(len(of)))
            right.plot(spread, of["r_norm"], ".", ms=4, mew=0, alpha=0.7, color=color)
            _interval(right, [0.35], rows, INK)
            right.axhline(1, color=MUTED, lw=0.8, ls=DASHES, zorder=1)
            right.set(xlim=(-0.3, 0.6))
            for side in (axes, right):
                side.yaxis.set_major_locator(MaxNLocator(5))
            right.set_xticks([0], ["$r_{\\mathrm{norm}}$"])
    return figure


def _interval(axes: Axes, x: Sequence[float], of: pd.DataFrame, color: str, **options) -> None:
    """Draw the r_norm of some rows with its interval; a mean without one is a dot."""
    mean, low, high = (of[f"r_norm_{k}"].to_numpy(float) for k in ("mean", "low", "high"))
    axes.errorbar(
        x, mean, np.nan_to_num([mean - low, high - mean]), color=color, fmt="o-", ms=3, lw=1.2,
        **options,
    )  # fmt: skip


def edge_figure(penalties: pd.DataFrame, marked: Mapping[str, tuple[float, ...]]) -> Figure:
    """Draw r_norm and the share of the runs that interpolate against λ, one panel a regularizer.

    Args:
        penalties: from `statistics.penalties`.
        marked: the λ of the config by regularizer, drawn as diamonds; a search goes beyond them.
            A ring marks the reported λ.
    """
    shown = selection.main_rows(penalties.dropna(subset="lambda"))
    with figure_style():
        figure, drawn = panels_of("regularizer", shown.sort_values("lambda"), 3, 1.9, sharey=True)
        for name, (axes,), of in drawn:
            color, lambdas = COLORS[all_regularizers()[name].measure], of["lambda"]
            share = of["n_interpolating"] / of["n_present"]  # NaN where none is there
            axes.fill_between(lambdas, share, color=FAINT, lw=0, zorder=0)
            axes.plot(lambdas, share, color=MUTED, lw=0.9, marker=".", ms=3, label="interpolate")
            axes.axhline(0.5, color=MUTED, lw=0.5, ls=DASHES)
            means = of["r_norm_mean"]
            _interval(axes, lambdas, of, color, label="$r_{\\mathrm{norm}}$")
            papers = lambdas.isin(marked.get(name, ()))
            axes.plot(
                lambdas[papers], means[papers], "D", ms=5, color=color, label="λ of the config"
            )
            chosen = of["reported"]
            axes.plot(lambdas[chosen], means[chosen], "o", ms=10, mfc="none", mec=INK, mew=0.8)
            if not of["n_present"].any():  # a log axis finds no limits
                axes.set_xlim(lambdas.min() / 1.2, lambdas.max() * 1.2)
            axes.set_xscale("log")
            axes.xaxis.set_minor_formatter(NullFormatter())
            ends = sorted({lambdas.min(), lambdas.max()})
            axes.set_xticks(ends, [power_of_ten(end) for end in ends])
            axes.set_xlabel("λ")
            axes.grid(axis="y")
            if (of["n_present"] < of["n_in_grid"]).any():
                done = ", ".join(map(str, of["n_present"]))
                axes.set_title(f"{done} of {of['n_in_grid'].max()} runs", loc="right", fontsize=6)
        for _, (axes,), _ in drawn[:1]:
            # the panels share the axis, which no longer makes room once it is set
            axes.set_ylim(bottom=min(0, axes.get_ylim()[0]))
            axes.legend(fontsize=6, loc="lower left")
    return figure


def effects_figure(effects: pd.DataFrame) -> Figure:
    """Draw S(f_λ) / S(f_0) of every measure, one panel a penalty; at 1 the penalty does nothing.

    Args:
        effects: from `statistics.penalty_effects`.
    """
    shown = selection.main_rows(effects)
    names = [name for name in all_measures() if name in set(shown["measure"])]
    with figure_style():
        figure, drawn = panels_of("regularizer", shown, 5, 0.9 + 0.17 * len(names))
        named = set()  # rows of panels whose first one says the measures
        for _, (axes,), of in drawn:
            if of["mean"].isna().all():
                note(axes, NOTHING["lambda" if of["lambda"].isna().all() else "both"])
                continue
            rows = of.set_index("measure").reindex(names)
            for y, (measure, row) in enumerate(rows.iterrows()):
                axes.plot([row["low"], row["high"]], [y, y], color=COLORS[measure], lw=1.6)
                mark = "D" if measure == row["penalized"] else "o"
                axes.plot(row["mean"], y, mark, ms=3.5, color=COLORS[measure])
            axes.axvline(1, color=MUTED, lw=0.8, ls=DASHES, zorder=1)
            row_of_panels = axes.get_subplotspec().rowspan.start
            axes.set_yticks(range(len(names)), [] if row_of_panels in named else names)
            named.add(row_of_panels)
            axes.set_ylim(len(names) - 0.5, -0.5)
            axes.xaxis.set_major_locator(MaxNLocator(3))
            axes.grid(axis="x")
            axes.set_xlabel(f"with ÷ without, {of['n_pairs'].max():.0f} pairs", fontsize=6.5)
    return figure


def all_figures(results: Results) -> dict[str, Figure]:
    """Return each of `smoothcore.results.FIGURES`, by the name of its files."""
    measures, grid, made = results.measures, results.grid, results.made
    optimality = results.study["optimality"] or {}
    marked = {k: v["lambda"] for k, v in optimality.get("regularizers", {}).items() if v}
    return {
        "monotonicity": monotonicity_figure(measures, grid),
        "figure2": figure2(
            selection.optimality_values(measures, grid),
            selection.interpolation_counts(results.runs, grid),
        ),
        "r_norm": r_norm_figure(made["r_norm"], made["edge"]),
        "edge": edge_figure(made["edge"], marked),
        "penalty_effects": effects_figure(made["penalty_effects"]),
    }
