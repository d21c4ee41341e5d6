"""The figures that only the report has. Each function takes tidy tables and returns a figure."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from smoothcore.measures import all_measures
from smoothcore.regularizers import NONE, all_regularizers
from smoothcore.results import style
from smoothcore.results.statistics import COORDINATES
from smoothcore.results.style import COLORS, FAINT, INK, LONG_NAMES, MUTED, PAGE
from smoothcore.study.run import Run

_NOTHING = "no interpolating run yet"
_DIGITS = range(10)


def measures_by_size(measures: pd.DataFrame, grid: pd.DataFrame) -> Figure:
    """Draw each measure against the training set size: a line per pair, the mean on top.

    A line is the mean over the seeds of the runs that interpolate. The mean on top is over the
    pairs that have a value at every size there is, so that no pair's absence bends it.
    """
    cells = grid.loc[grid["monotonicity"], COORDINATES]
    of_experiment = measures[measures["interpolates"]].merge(cells, on=COORDINATES)
    with style.figure_style():
        figure = Figure(figsize=(PAGE, 4.3))
        for axes, measure in zip(figure.subplots(2, 2).flat, all_measures(), strict=True):
            shown = of_experiment[
                (of_experiment["measure"] == measure)
                & (of_experiment["estimator"] == all_measures()[measure].main_estimator)
            ]
            axes.set_title(f"{measure} ({LONG_NAMES[measure]})", color=COLORS[measure])
            if shown.empty:
                _empty(axes, _NOTHING)
                continue
            lines = shown.pivot_table(index="size", columns="pair", values="value")
            axes.plot(lines, color=COLORS[measure], lw=0.6, alpha=0.35, marker=".", ms=2)
            complete = lines.dropna(axis="columns")
            if not complete.empty:
                axes.plot(complete.mean(axis="columns"), color=INK, lw=1.8, marker="o", ms=3.5)
            axes.set_xscale("log", base=2)
            axes.xaxis.set_minor_locator(NullLocator())
            axes.set_xticks(lines.index, [f"{size:,}" for size in lines.index])
            axes.set_xlabel("training images $n$")
            axes.grid(axis="y")
    return figure


def tau_by_pair(taus: pd.DataFrame) -> Figure:
    """Draw Kendall's τ of each pair, mean over the seeds, as a grid of digits per measure."""
    with style.figure_style():
        figure = Figure(figsize=(PAGE, 6.6))
        panels = figure.subplots(2, 2)
        for axes, measure in zip(panels.flat, all_measures(), strict=True):
            of = taus[
                (taus["measure"] == measure)
                & (taus["estimator"] == all_measures()[measure].main_estimator)
            ]
            cells = _tau_panel(axes, of)
            axes.set_title(f"{measure} ({LONG_NAMES[measure]})", color=COLORS[measure])
        bar = figure.colorbar(cells, ax=panels, shrink=0.5, aspect=30, pad=0.02)
        bar.outline.set_visible(False)
        bar.set_label("Kendall's $\\tau$, mean over seeds")
    return figure


def _tau_panel(axes: Axes, taus: pd.DataFrame):
    means = taus.groupby("pair")["tau"].mean()
    values = np.full((10, 10), np.nan)
    for a, b in combinations(_DIGITS, 2):
        values[a, b] = means.get(f"{a}-{b}", np.nan)
    edges = np.arange(11) - 0.5
    above = np.where(np.triu(np.ones((10, 10)), 1) > 0, 0.0, np.nan)
    axes.pcolormesh(edges, edges, above, cmap=ListedColormap([FAINT]), alpha=0.4, lw=0)
    cells = axes.pcolormesh(edges, edges, values, cmap="PuOr_r", norm=Normalize(-1, 1), lw=0)
    for a, b in combinations(_DIGITS, 2):
        value = values[a, b]
        if np.isfinite(value):
            text = f"{value:.1f}".replace("-0.0", "0.0").replace("-", "−").replace("0.", ".")
            # cells keep their colours in the dark theme, and so does the text on them
            color = "#FEFEFE" if abs(value) > 0.65 else "#1A1A1A"
            axes.text(b, a, text, ha="center", va="center", fontsize=5.5, color=color)
        elif f"{a}-{b}" in means.index:
            axes.text(b, a, "–", ha="center", va="center", fontsize=6, color=MUTED)
    axes.set_xticks(_DIGITS)
    axes.set_yticks(_DIGITS)
    axes.set_xlim(0.5, 9.5)
    axes.set_ylim(8.5, -0.5)
    axes.set_aspect("equal")
    axes.set_xlabel("digit $b$")
    axes.set_ylabel("digit $a$")
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return cells


def loss_curves(
    curves: Mapping[Run, tuple[np.ndarray, np.ndarray]], grid: pd.DataFrame, epsilon: float
) -> Figure:
    """Draw the running loss of every run: λ = 0 by size, each regularizer by λ.

    Args:
        curves: epochs and losses of each run.
        grid: the table of the grid, for the order of the panels.
        epsilon: ε, drawn as a line.
    """
    regularizers = [name for name in (NONE, *all_regularizers()) if name in set(grid.regularizer)]
    with style.figure_style():
        n_rows = max(1, -(-len(regularizers) // 3))
        figure = Figure(figsize=(PAGE, 0.3 + 1.9 * n_rows))
        panels = figure.subplots(n_rows, 3, squeeze=False, sharex=True, sharey=True).flat
        for axes, regularizer in zip(panels, regularizers, strict=False):
            axes.set_title("λ = 0" if regularizer == NONE else f"penalty {regularizer}")
            _curve_panel(axes, regularizer, curves)
            axes.axhline(epsilon, color=INK, lw=0.8, ls=(0, (3, 2)))
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.grid(axis="y")
            axes.tick_params(labelbottom=True)
            axes.set_xlabel("epoch")
        for axes in figure.axes[::3]:
            axes.set_ylabel("running loss")
        for axes in figure.axes[len(regularizers) :]:
            axes.set_axis_off()
    return figure


def _curve_panel(axes: Axes, regularizer: str, curves: Mapping) -> None:
    of = {run: curve for run, curve in curves.items() if run.regularizer == regularizer}
    by = (lambda run: run.size) if regularizer == NONE else (lambda run: run.lambda_)
    levels = sorted({by(run) for run in of})
    if not levels:
        _empty(axes, "no run yet")
    for run, (epochs, losses) in of.items():
        color = style.sequence_color(levels.index(by(run)), len(levels))
        axes.plot(epochs, losses, color=color, lw=0.5, alpha=0.6)
    # the two ends of the scale are enough where it is long
    for level in levels if len(levels) < 4 else (levels[0], levels[-1]):
        name = f"$n$ = {level:,}" if regularizer == NONE else f"λ = {style.power_of_ten(level)}"
        color = style.sequence_color(levels.index(level), len(levels))
        axes.plot([], [], color=color, lw=2, label=name)
    if levels:
        axes.legend(loc="upper right", fontsize=6, handlelength=1, borderaxespad=0.2)


def sampled_against_exact(measures: pd.DataFrame) -> Figure:
    """Draw the sampled against the exact FPL and GPL, a dot per interpolating run."""
    values = measures[measures["interpolates"]].pivot_table(
        index=["measure", *COORDINATES], columns="estimator", values="value"
    )
    with style.figure_style():
        figure = Figure(figsize=(PAGE, 2.9))
        for axes, measure in zip(figure.subplots(1, 2), ("FPL", "GPL"), strict=True):
            axes.set_title(f"{measure} ({LONG_NAMES[measure]})", color=COLORS[measure])
            present = measure in values.index.get_level_values("measure")
            both = values.loc[measure].dropna() if present else values.iloc[:0]
            if both.empty:
                _empty(axes, _NOTHING)
                continue
            low, high = both["sampled"].min(), both["exact"].max()
            axes.plot([low, high], [low, high], color=MUTED, lw=0.8, ls=(0, (3, 2)))
            axes.plot(
                both["exact"], both["sampled"], ".", ms=3, mew=0, alpha=0.6, color=COLORS[measure]
            )
            ratio = (both["sampled"] / both["exact"]).median()
            axes.text(
                0.04, 0.95, f"median of sampled / exact: {ratio:.3f}",
                transform=axes.transAxes, va="top", fontsize=7,
            )  # fmt: skip
            axes.set_xlabel(f"{measure}, exact along each segment")
            axes.set_ylabel(f"{measure}, sampled")
            axes.grid()
    return figure


def _empty(axes: Axes, text: str) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    style.note(axes, text)


def thinned(epochs: Sequence[int], losses: Sequence[float], points: int = 36):
    """Return about ``points`` of a curve, evenly spread over the logarithm of the epoch."""
    epochs, losses = np.asarray(epochs), np.asarray(losses)
    if len(epochs) <= points:
        return epochs, losses
    wanted = np.geomspace(epochs[0], epochs[-1], points)
    kept = np.unique(np.searchsorted(epochs, wanted).clip(max=len(epochs) - 1))
    return epochs[kept], losses[kept]
