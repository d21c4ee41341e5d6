"""The figures that only the report has. Each function takes tidy tables and returns a figure."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from smoothcore.measures import EXACT, SAMPLED, all_measures
from smoothcore.readable import power_of_ten, two_decimals
from smoothcore.regularizers import NONE, all_regularizers
from smoothcore.results import style
from smoothcore.results.figures import NOTHING, panels_of
from smoothcore.results.selection import COORDINATES, main_rows, main_values
from smoothcore.results.style import COLORS, INK, MUTED


def tau_by_pair(taus: pd.DataFrame) -> Figure:
    """Draw Kendall's τ, mean over the seeds: a row per pair, a column per measure."""
    means = main_rows(taus).pivot_table(index="pair", columns="measure", values="tau")
    names = [name for name in all_measures() if name in means]
    with style.figure_style():
        figure = Figure(figsize=(style.PAGE, 0.6 + 0.145 * max(len(means), 8)))
        axes = figure.subplots()
        if means.empty:
            style.note(axes, NOTHING["measure"])
            return figure
        sns.heatmap(
            means[names], ax=axes, cmap="PuOr_r", vmin=-1, vmax=1, linewidths=0.4, yticklabels=True,
            cbar_kws={"label": "Kendall's $\\tau$, mean over seeds", "shrink": 0.6, "aspect": 30},
        )  # fmt: skip
        for (row, column), value in np.ndenumerate(means[names].to_numpy()):
            # cells keep their colours in the dark theme, and so does the text on them
            color = MUTED if np.isnan(value) else "#1A1A1A" if -0.6 < value < 0.75 else "#FEFEFE"
            axes.text(
                column + 0.5, row + 0.5, two_decimals(value),
                color=color, ha="center", va="center", fontsize=5.5,
            )  # fmt: skip
        axes.set(xlabel="", ylabel="")
        axes.tick_params(length=0, labeltop=True, labelbottom=False, labelrotation=0)
        for label in axes.get_xticklabels():
            label.set(color=COLORS[label.get_text()], fontweight="bold")
    return figure


def loss_curves(curves: pd.DataFrame, grid: pd.DataFrame, epsilon: float) -> Figure:
    """Draw the running loss of every run: λ = 0 by size, each regularizer of the grid by λ."""
    regularizers = [name for name in (NONE, *all_regularizers()) if name in set(grid.regularizer)]
    with style.figure_style():
        figure, panels = style.panels(len(regularizers), 3, 1.9, sharex=True, sharey=True)
        for (axes,), name in zip(panels, regularizers, strict=False):
            axes.set_title("λ = 0" if name == NONE else f"penalty {name}")
            _curve_panel(axes, name, curves[curves["regularizer"] == name])
            axes.axhline(epsilon, color=INK, lw=0.8, ls=style.DASHES)
            axes.set(xscale="log", yscale="log", xlabel="epoch")
            axes.grid(axis="y")
            axes.tick_params(labelbottom=True)
        figure.supylabel("running loss", fontsize=7.5)
    return figure


def _curve_panel(axes: Axes, regularizer: str, curves: pd.DataFrame) -> None:
    by = "size" if regularizer == NONE else "lambda"
    levels = sorted(curves[by].unique())
    if not levels:
        axes.text(0.5, 0.5, "no run yet", transform=axes.transAxes, ha="center", color=MUTED)
    # the last one, or the only one, the strongest
    shades = np.linspace(len(style.SEQUENCE) - 1, 0, len(levels))[::-1]
    colors = {level: style.SEQUENCE[round(k)] for level, k in zip(levels, shades, strict=True)}
    for key, of in curves.groupby(COORDINATES):
        color = colors[key[COORDINATES.index(by)]]
        axes.plot(of["epoch"], of["running_loss"], color=color, lw=0.5, alpha=0.6)
    # the two ends of the scale are enough where it is long
    for level in levels if len(levels) < 4 else (levels[0], levels[-1]):
        name = f"$n$ = {level:,}" if regularizer == NONE else f"λ = {power_of_ten(level)}"
        axes.plot([], [], color=colors[level], lw=2, label=name)
    if levels:
        axes.legend(loc="upper right", fontsize=6, handlelength=1, borderaxespad=0.2)


def sampled_against_exact(measures: pd.DataFrame) -> Figure:
    """Draw the sampled against the exact value of each measure with both: a dot per run."""
    values = main_values(measures).pivot_table(
        index=["measure", *COORDINATES], columns="estimator", values="value"
    )
    both = values.reindex(columns=[SAMPLED, EXACT]).dropna().reset_index()
    with style.figure_style():
        figure, panels = panels_of("measure", both, 3, 2.4)
        for name, (axes,), of in panels:
            ends = [of[[SAMPLED, EXACT]].min(axis=None), of[[SAMPLED, EXACT]].max(axis=None)]
            axes.plot(ends, ends, color=MUTED, lw=0.8, ls=style.DASHES)
            axes.plot(of[EXACT], of[SAMPLED], ".", ms=3, mew=0, alpha=0.6, color=COLORS[name])
            ratio = (of[SAMPLED] / of[EXACT]).median()
            text = f"median of sampled / exact: {ratio:.3f}"
            axes.text(0.04, 0.98, text, transform=axes.transAxes, va="top", fontsize=6.5)
            axes.set(xlabel="exact", ylabel="sampled")
            axes.xaxis.set_major_locator(MaxNLocator(5))
            axes.grid()
    return figure
