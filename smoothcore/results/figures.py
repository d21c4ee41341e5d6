"""Figure 1 and Figure 2 of the study; the numbers come from `statistics` and `toy`."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from smoothcore.measures import all_measures
from smoothcore.network.two_layer import TwoLayerNetwork
from smoothcore.regularizers import all_regularizers
from smoothcore.results import toy
from smoothcore.results.style import (
    COLORS,
    DATA_POINTS,
    FAINT,
    GROUND,
    INK,
    LONG_NAMES,
    MUTED,
    PAGE,
    figure_style,
    note,
    power_of_ten,
    three_digits,
)

_TOY_TITLES = {"smooth": "smooth", "rough": "not smooth"}


def figure1(networks: Mapping[str, TwoLayerNetwork]) -> Figure:
    """Draw the networks of `toy.RUNS` with the points that both interpolate and their measures."""
    data = toy.training_set()
    x = toy.interval(2001)
    with figure_style():
        figure = Figure(figsize=(PAGE, 2.35))
        panels = figure.subplots(1, len(networks), sharex=True, sharey=True)
        for axes, letter, (name, network) in zip(panels, "ab", networks.items(), strict=False):
            f = network.astype(np.float64)
            axes.plot(x[:, 0], f(x), color=INK, lw=1.3, zorder=2)
            axes.plot(
                data.x[:, 0], data.y, "o", ms=5, mfc=DATA_POINTS, mec=GROUND, mew=0.8, zorder=3
            )
            measured = toy.measure_toy(network)
            values = "   ".join(f"{m} {three_digits(measured[m].value)}" for m in COLORS)
            axes.set_title(f"({letter}) {_TOY_TITLES[name]}", pad=16)
            axes.text(0, 1.035, values, transform=axes.transAxes, fontsize=7, color=INK)
            settings = f"$\\alpha = {toy.RUNS[name].alpha:g}$,  $L(f)$ = "
            axes.text(
                0.985, 0.93, settings + power_of_ten(network.loss(*data)),
                transform=axes.transAxes, ha="right", fontsize=7, color=MUTED,
            )  # fmt: skip
            axes.set_xlabel("$x$")
        panels[0].set_ylabel("$f(x)$")
    return figure


def figure2(values: pd.DataFrame, counts: pd.DataFrame) -> Figure:
    """Draw the measure that each regularizer penalizes, one box per λ, λ = 0 on the first row.

    Boxes span the quartiles, whiskers the values within 1.5 box lengths; dots are pairs. Beside
    each row stands how many of the pairs of the grid interpolate, and so are in its box.

    Args:
        values: from `statistics.optimality_values`.
        counts: from `statistics.interpolation_counts`.
    """
    regularizers = list(dict.fromkeys(counts["regularizer"]))
    with figure_style():
        n_rows = max(1, -(-len(regularizers) // 2))
        longest = counts.groupby("regularizer").size().max() if regularizers else 3
        figure = Figure(figsize=(PAGE, n_rows * (0.75 + 0.3 * longest)))
        panels = figure.subplots(n_rows, 2, squeeze=False).flat
        for axes, regularizer in zip(panels, regularizers, strict=False):
            _boxes(
                axes,
                regularizer,
                values[values["regularizer"] == regularizer],
                counts[counts["regularizer"] == regularizer],
            )
        for axes in list(figure.axes)[len(regularizers) :]:
            axes.set_axis_off()
        if not regularizers:
            note(figure.axes[0], "The study has no optimality experiment.")
    return figure


def _boxes(axes: Axes, regularizer: str, values: pd.DataFrame, counts: pd.DataFrame) -> None:
    measure = all_regularizers()[regularizer].measure
    color = COLORS[measure]
    shown = values[values["estimator"] == all_measures()[measure].main_estimator]
    rows = counts.sort_values("lambda").reset_index(drop=True)
    for row, cell in rows.iterrows():
        of = shown.loc[shown["lambda"] == cell["lambda"], "value"].dropna().to_numpy()
        baseline = cell["lambda"] == 0
        if len(of):
            axes.boxplot(
                of, positions=[row], orientation="horizontal", widths=0.56, patch_artist=True,
                showfliers=False, manage_ticks=False,
                boxprops={
                    "facecolor": FAINT if baseline else (color, 0.25),
                    "edgecolor": MUTED if baseline else color, "lw": 0.9,
                },
                medianprops={"color": INK, "lw": 1.4, "solid_capstyle": "butt"},
                whiskerprops={"color": MUTED if baseline else color, "lw": 0.9},
                capprops={"color": MUTED if baseline else color, "lw": 0.9},
            )  # fmt: skip
            # a fixed spread: the same figure every time
            spread = 0.2 * np.sin(2.4 * np.arange(len(of)))
            axes.plot(
                of, row + spread, ".", ms=2.6, mew=0, alpha=0.7, zorder=3,
                color=MUTED if baseline else color,
            )  # fmt: skip
        count = f"{cell['n_interpolating']}/{cell['n_in_grid']}"
        axes.text(
            1.015, row, count, transform=axes.get_yaxis_transform(), va="center", fontsize=6.5,
            color=INK if len(of) else MUTED,
        )  # fmt: skip
        if not len(of):
            axes.text(
                0.5, row, "no run interpolates" if cell["n_present"] else "no run yet",
                transform=axes.get_yaxis_transform(), va="center", ha="center", fontsize=6.5,
                color=MUTED, style="italic",
            )  # fmt: skip
    _mark_lower_bound(axes, all_measures()[measure].lower_bound, shown["value"])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks(range(len(rows)), [power_of_ten(value) for value in rows["lambda"]])
    axes.tick_params(axis="y", length=0)
    penalty = "" if regularizer == measure else f", penalty {regularizer}"
    axes.set_xlabel(f"{measure} ({LONG_NAMES[measure]}{penalty})")
    axes.set_title(regularizer, color=color, pad=12)
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
        axes.axvline(bound, color=INK, lw=0.9, ls=(0, (3, 2)), zorder=1)
    axes.annotate(
        f"$l_S = {bound:g}$" if near else f"$\\leftarrow\\; l_S = {bound:g}$",
        (bound, 1) if near else (0, 1),
        xycoords=axes.get_xaxis_transform() if near else "axes fraction",
        xytext=(0, 3), textcoords="offset points", fontsize=6.5, color=INK,
        ha="center" if near else "left",
    )  # fmt: skip
