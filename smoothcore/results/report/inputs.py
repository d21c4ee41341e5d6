"""Everything the report is made from, read from a folder of results."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from smoothcore.errors import DamagedFileError
from smoothcore.files import schemas
from smoothcore.files.paths import Layout
from smoothcore.files.records import read_run_table
from smoothcore.files.repair import repair_hint
from smoothcore.files.storage import read_csv
from smoothcore.results import FIGURES, TABLES
from smoothcore.results.collected import Collected, read_collected
from smoothcore.results.report.compute import read_benchmarks
from smoothcore.results.report.plots import thinned
from smoothcore.study.run import Run
from smoothcore.workflow.collecting import runs_of


@dataclass(frozen=True)
class Inputs(Collected):
    """The tables, figures and files behind a report.

    Attributes:
        made: each of `smoothcore.results.TABLES`.
        figures: text of the SVG file of each figure; Figure 1 may be missing.
        curves: epochs and running losses of each run that has a curve, thinned.
        benchmarks: of `compute.read_benchmarks`.
    """

    made: dict[str, pd.DataFrame]
    figures: dict[str, str]
    curves: dict[Run, tuple[np.ndarray, np.ndarray]]
    benchmarks: pd.DataFrame


def read(grid_path: Path, folder: Path) -> Inputs:
    """Read the inputs of a report; curves and benchmarks lie beside the grid.

    Raises:
        DamagedFileError: a table or a figure is missing or damaged.
    """
    collected, layout = read_collected(grid_path, folder), Layout(grid_path.parent)
    figures = {name: folder / f"{name}.svg" for name in FIGURES}
    if (layout.root / "figure1.svg").exists():
        figures["figure1"] = layout.root / "figure1.svg"
    return Inputs(
        **vars(collected),
        made={name: read_csv(folder / f"{name}.csv") for name in TABLES},
        figures={name: _read_text(path) for name, path in figures.items()},
        curves=_read_curves(layout, collected.runs),
        benchmarks=read_benchmarks(layout.root / "benchmarks"),
    )


def _read_curves(layout: Layout, runs: pd.DataFrame) -> dict[Run, tuple[np.ndarray, np.ndarray]]:
    curves = {}
    for run in runs_of(runs):
        path = layout.curve(run)
        if path.exists():
            table = read_run_table(path, run, schemas.CURVES)
            curves[run] = thinned(table["epoch"].to_numpy(), table["running_loss"].to_numpy())
    return curves


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DamagedFileError(f"{path} does not exist. {repair_hint(path)}") from None
