"""How every figure looks: colours, type, sizes, and files that are the same bytes every time."""

import contextlib
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from smoothcore.files.storage import atomic_write
from smoothcore.measures import all_measures

#: one colour per measure in every figure
COLORS = {measure.name: measure.color for measure in all_measures().values()}

#: colours without a meaning of their own; the report gives each of them a dark counterpart
INK, MUTED, FAINT, GROUND = "#1D2329", "#646D78", "#DCE0E5", "#FFFFFF"
DATA_POINTS = "#E69F00"
DASHES = (0, (3, 2))

#: from little to much: training set sizes, λ
SEQUENCE = sns.color_palette("crest", 8).as_hex()

#: inches, of both columns of a two-column page
PAGE = 7.0

LONG_NAMES = {measure.name: measure.long_name for measure in all_measures().values()}

_TICKS = {"labelsize": 7, "labelcolor": INK, "color": MUTED}
_TICKS |= {"major.size": 3, "major.width": 0.6, "minor.size": 1.5, "minor.width": 0.4}

#: laid over seaborn's style "ticks"
_RC = {
    "figure.constrained_layout.use": True,
    "figure.facecolor": GROUND,
    "axes.facecolor": "none",
    "font.family": "DejaVu Sans",
    "font.size": 7.5,
    "axes.titlesize": 8,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 7.5,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "grid.linewidth": 0.5,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "grid.color": FAINT,
    **{f"{axis}tick.{name}": value for axis in "xy" for name, value in _TICKS.items()},
    "savefig.dpi": 300,
    "pdf.fonttype": 42,
    "svg.fonttype": "path",  # looks the same on machines without the font
    "svg.hashsalt": "smoothcore",  # the ids in the file are the same every time
}


@contextlib.contextmanager
def figure_style() -> Iterator[None]:
    """Draw in this style; draw on files only, whatever display there is."""
    with mpl.rc_context(sns.axes_style("ticks") | _RC):
        mpl.use("Agg")
        yield


def save_figure(figure: Figure, paths: Iterable[Path]) -> None:
    """Write a figure under each path, in the format its suffix names: svg, pdf or png.

    Its parts are laid out once, so that they stand at the same places in every format.
    """
    no_date = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    with mpl.rc_context(_RC):
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        for path in map(Path, paths):
            with atomic_write(path) as temporary:
                metadata = no_date.get(path.suffix)
                figure.savefig(temporary, format=path.suffix[1:], metadata=metadata)


def svg_text(figure: Figure) -> str:
    """Return a figure as the text of an SVG file."""
    buffer = io.StringIO()
    with mpl.rc_context(_RC):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def panels(
    n: int, most: int, height: float, ratios: tuple[int, ...] = (1,), **options: Any
) -> tuple[Figure, list[list[Axes]]]:
    """Return a figure with room for ``n`` panels, at least one, at most ``most`` beside each other.

    Args:
        n: how many.
        most: panels in a row; rows are as even as they can be.
        height: of a row in inches.
        ratios: widths of the axes of a panel.
        options: of `Figure.subplots`.

    Returns:
        The figure, and the axes of each panel.
    """
    n, width = max(n, 1), len(ratios)
    rows = -(-n // most)
    columns = -(-n // rows)
    figure = Figure(figsize=(PAGE, rows * height))
    options |= {"squeeze": False, "width_ratios": ratios * columns}
    axes = list(figure.subplots(rows, columns * width, **options).flat)
    for unused in axes[n * width :]:
        unused.remove()
    return figure, [axes[k * width : (k + 1) * width] for k in range(n)]


def note(axes: Axes, text: str) -> None:
    """Write in the middle of empty axes why they are empty."""
    axes.set(xticks=[], yticks=[])
    axes.text(
        0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=MUTED, wrap=True
    )
