"""The results of a study, read from its folder."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from smoothcore.errors import DamagedFileError
from smoothcore.files import schemas
from smoothcore.files.records import about
from smoothcore.files.repair import reading, repair_hint
from smoothcore.files.storage import read_csv, read_parquet
from smoothcore.results import FIGURES, TABLES


@dataclass(frozen=True)
class Results:
    """The results of a study, each read once it is asked for.

    Attributes:
        grid_path: grid.parquet, in ``results/<name>``.
        folder: where the others lie: there, or in its ``partial``.

    Raises:
        DamagedFileError: what is asked for is missing, damaged, or lacks a column of today's.
    """

    grid_path: Path
    folder: Path

    @cached_property
    def study(self) -> dict[str, Any]:
        """The configuration as plain values, from the metadata of the grid."""
        return about(self.grid_path)

    @cached_property
    def grid(self) -> pd.DataFrame:
        """What the configuration asks for."""
        return read_parquet(self.grid_path).to_pandas()

    @cached_property
    def runs(self) -> pd.DataFrame:
        """What was trained."""
        return self._collected("runs", schemas.RUNS)

    @cached_property
    def measures(self) -> pd.DataFrame:
        """What was measured."""
        return self._collected("measures", schemas.MEASURES)

    @cached_property
    def curves(self) -> pd.DataFrame:
        """The thinned loss curves."""
        return self._collected("curves", schemas.CURVES)

    @cached_property
    def made(self) -> dict[str, pd.DataFrame]:
        """Each of `smoothcore.results.TABLES`."""
        # a column without rows has no type in a CSV file
        truths = {"reported": bool, "upper_bound": bool}
        return {name: read_csv(self.folder / f"{name}.csv", truths) for name in TABLES}

    @cached_property
    def drawn(self) -> dict[str, str]:
        """Text of the SVG file of each figure; Figure 1 lies beside the grid, or is missing."""
        paths = {name: self.folder / f"{name}.svg" for name in FIGURES}
        if (path := self.grid_path.with_name("figure1.svg")).exists():
            paths["figure1"] = path
        texts = {}
        for name, path in paths.items():
            with reading(path, UnicodeDecodeError):
                texts[name] = path.read_text(encoding="utf-8")
        return texts

    def _collected(self, name: str, schema: pa.Schema) -> pd.DataFrame:
        path = self.folder / f"{name}.parquet"
        table = read_parquet(path)
        if missing := [column for column in schema.names if column not in table.column_names]:
            raise DamagedFileError(f"{path} has no column {missing[0]!r}. {repair_hint(path)}")
        return table.to_pandas()
