"""What a study has collected: its grid, runs and measures, read from a folder of results."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from smoothcore.errors import DamagedFileError
from smoothcore.files import schemas
from smoothcore.files.repair import repair_hint
from smoothcore.files.storage import ABOUT_KEY, read_csv, read_parquet
from smoothcore.results import TABLES


@dataclass(frozen=True)
class Collected:
    """What a study has collected.

    Attributes:
        study: the configuration as plain values, from the metadata of the grid.
        grid: what the configuration asks for.
        runs: what was trained.
        measures: what was measured.
    """

    study: dict[str, Any]
    grid: pd.DataFrame
    runs: pd.DataFrame
    measures: pd.DataFrame

    @property
    def tables(self) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        """Measures, runs and grid, as the functions of `statistics` take them."""
        return self.measures, self.runs, self.grid


def read_collected(grid_path: Path, folder: Path) -> Collected:
    """Read the tables of grid, runs and measures.

    Args:
        grid_path: grid.parquet, in ``results/<name>``.
        folder: where runs.parquet and measures.parquet lie: there, or in its ``partial``.

    Raises:
        DamagedFileError: a table is missing, damaged, or lacks a column of today's.
    """
    grid = read_parquet(grid_path)
    tables = []
    for name, schema in (("runs", schemas.RUNS), ("measures", schemas.MEASURES)):
        path = folder / f"{name}.parquet"
        table = read_parquet(path)
        if missing := [column for column in schema.names if column not in table.column_names]:
            raise DamagedFileError(f"{path} has no column {missing[0]!r}. {repair_hint(path)}")
        tables.append(table.to_pandas())
    return Collected(json.loads(grid.schema.metadata[ABOUT_KEY]), grid.to_pandas(), *tables)


def read_made(folder: Path) -> dict[str, pd.DataFrame]:
    """Read each of `smoothcore.results.TABLES` from its file.

    Raises:
        DamagedFileError: a table is missing or damaged.
    """
    tables = {name: read_csv(folder / f"{name}.csv") for name in TABLES}
    # a column without rows has no type in a CSV file
    truths = ("reported", "upper_bound")
    return {
        name: table.astype({column: bool for column in truths if column in table})
        for name, table in tables.items()
    }
