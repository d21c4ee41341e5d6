"""Everything the report is made from, read from a folder of results."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from smoothcore.errors import DamagedFileError
from smoothcore.files import schemas
from smoothcore.files.paths import Layout
from smoothcore.files.records import read_run_table
from smoothcore.files.storage import read_csv, read_parquet
from smoothcore.results.report.compute import read_benchmarks
from smoothcore.results.report.plots import thinned
from smoothcore.study.run import Run
from smoothcore.workflow.collecting import runs_of


@dataclass(frozen=True)
class Inputs:
    """The tables, figures and files behind a report.

    Attributes:
        study: the configuration as plain values, from the metadata of the grid.
        grid: what the configuration asks for.
        runs: what was trained.
        measures: what was measured.
        table1: of `statistics`.
        table2: of `statistics`.
        taus: of `statistics.kendall_taus`.
        figure1: text of the SVG file; None where there is none.
        figure2: text of the SVG file.
        curves: epochs and running losses of each run that has a curve, thinned.
        benchmarks: of `compute.read_benchmarks`.
    """

    study: dict[str, Any]
    grid: pd.DataFrame
    runs: pd.DataFrame
    measures: pd.DataFrame
    table1: pd.DataFrame
    table2: pd.DataFrame
    taus: pd.DataFrame
    figure1: str | None
    figure2: str
    curves: dict[Run, tuple[np.ndarray, np.ndarray]]
    benchmarks: pd.DataFrame


def read(grid_path: Path, tables: Path) -> Inputs:
    """Read the inputs of a report.

    Args:
        grid_path: grid.parquet, in ``results/<name>``; curves and benchmarks lie beside it.
        tables: the folder of the tables and of Figure 2: ``results/<name>``, or its ``partial``.

    Raises:
        DamagedFileError: a table is missing or damaged.
    """
    grid_table = read_parquet(grid_path)
    grid = grid_table.to_pandas()
    layout = Layout(grid_path.parent)
    runs = read_parquet(tables / "runs.parquet").to_pandas()
    table1, table2, taus = (
        read_csv(tables / f"{name}.csv") for name in ("table1", "table2", "kendall_tau")
    )
    figure1 = layout.root / "figure1.svg"
    return Inputs(
        study=json.loads(grid_table.schema.metadata[b"smoothcore.about"]),
        grid=grid,
        runs=runs,
        measures=read_parquet(tables / "measures.parquet").to_pandas(),
        table1=table1,
        table2=table2,
        taus=taus,
        figure1=figure1.read_text(encoding="utf-8") if figure1.exists() else None,
        figure2=_read_text(tables / "figure2.svg"),
        curves=_read_curves(layout, runs),
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
        raise DamagedFileError(f"{path} does not exist. Run snakemake to make it.") from None
