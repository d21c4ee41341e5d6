"""Everything the report is made from, read from a folder of results."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from smoothcore.files.storage import read_parquet, reading
from smoothcore.results import FIGURES
from smoothcore.results.collected import Collected, read_collected, read_made
from smoothcore.results.report.compute import read_benchmarks


@dataclass(frozen=True)
class Inputs(Collected):
    """The tables, figures and files behind a report.

    Attributes:
        made: each of `smoothcore.results.TABLES`.
        figures: text of the SVG file of each figure; Figure 1 may be missing.
        curves: the thinned loss curves.
        benchmarks: of `compute.read_benchmarks`.
    """

    made: dict[str, pd.DataFrame]
    figures: dict[str, str]
    curves: pd.DataFrame
    benchmarks: pd.DataFrame


def read(grid_path: Path, folder: Path) -> Inputs:
    """Read the inputs of a report; Figure 1 and benchmarks lie beside the grid.

    Raises:
        DamagedFileError: a table or a figure is missing or damaged.
    """
    root = grid_path.parent
    figures = {name: folder / f"{name}.svg" for name in FIGURES}
    if (root / "figure1.svg").exists():
        figures["figure1"] = root / "figure1.svg"
    return Inputs(
        **vars(read_collected(grid_path, folder)),
        made=read_made(folder),
        figures={name: _read_text(path) for name, path in figures.items()},
        curves=read_parquet(folder / "curves.parquet").to_pandas(),
        benchmarks=read_benchmarks(root / "benchmarks"),
    )


def _read_text(path: Path) -> str:
    with reading(path, UnicodeDecodeError):
        return path.read_text(encoding="utf-8")
