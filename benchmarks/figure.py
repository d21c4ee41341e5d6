"""Draw docs/performance_scaling.svg from what a run of the benchmark measured.

python -m benchmarks.figure benchmarks/out/FILE.json
"""

import argparse
import json
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from benchmarks.alternating import ROOT
from benchmarks.growth import BASE, SERIES
from smoothcore.results import style

#: colour and marker, so that the lines are told apart without the one or the other
LINES = {
    "sgemm": (style.MUTED, "s", "two products by sgemm"),
    "sparse": ("#0072B2", "o", "engine sparse"),
    "tensorflow": ("#D55E00", "^", "engine tensorflow"),
}
TITLES = {"h": "hidden units h", "d": "pixels d", "density": "density of the pixels"}


def draw(growth: dict) -> plt.Figure:
    """Return the figure: milliseconds of a plain step over h, d and the density."""
    figure, panels = plt.subplots(1, 3, figsize=(style.PAGE, 2.4), sharey=True)
    for axes, series in zip(panels, SERIES, strict=True):
        rows = [row for row in growth["rows"] if row["series"] == series]
        values = [row[series] for row in rows]
        for name, (color, marker, label) in LINES.items():
            axes.plot(
                values, [row["ms"][name] for row in rows],
                color=color, marker=marker, markersize=3.5, linewidth=1.1, label=label,
            )  # fmt: skip
        axes.set(xscale="log", yscale="log", xlabel=TITLES[series])
        axes.xaxis.set_major_locator(FixedLocator(values))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.tick_params(axis="x", rotation=45)
        axes.grid(axis="y")
        others = ", ".join(f"{name} = {BASE[name]:g}" for name in BASE if name != series)
        axes.set_title(others, fontweight="normal", fontsize=7)
    panels[0].set_ylabel("ms per plain step, batch 64")
    panels[0].yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    panels[0].legend(loc="upper left")
    if growth["crossover"]:
        panels[2].axvline(growth["crossover"], color=style.MUTED, linewidth=0.8, linestyle=":")
    return figure


def main() -> None:
    """Parse the arguments and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="JSON of a run with the part growth")
    parser.add_argument(
        "--output", type=Path, default=ROOT / "docs" / "performance_scaling.svg", metavar="SVG"
    )
    arguments = parser.parse_args()
    growth = json.loads(arguments.results.read_text(encoding="utf-8")).get("growth")
    if growth is None:
        parser.error(f"{arguments.results} holds no part growth: run python -m benchmarks first")
    with style.figure_style():
        style.save_figure(draw(growth), [arguments.output])


if __name__ == "__main__":
    main()
