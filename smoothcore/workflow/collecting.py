"""From a file per cell to one table for all."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from smoothcore.errors import DamagedFileError
from smoothcore.files.paths import Layout
from smoothcore.study.run import COORDINATES, Run

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


def runs_of(grid: "pd.DataFrame") -> list[Run]:
    """Return the runs of a grid table."""
    return [Run(*row) for row in grid[list(COORDINATES)].itertuples(index=False)]


def present_cells(layout: Layout, runs: Iterable[Run]) -> str:
    """Return a digest of which records and measures exist and when they were written."""
    digest = hashlib.sha256()
    for run in runs:
        for path in (layout.record(run), layout.measured(run)):
            if path.exists():
                digest.update(f"{path} {path.stat().st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def missing_cells(layout: Layout, runs: Sequence[Run]) -> str:
    """Return in words how many runs lack a record or their measures."""
    missing = sum(
        not (layout.record(run).exists() and layout.measured(run).exists()) for run in runs
    )
    if not missing:
        return f"all {len(runs)} cells are there"
    return f"{missing} of {len(runs)} cells {'is' if missing == 1 else 'are'} missing"


def collect(
    runs: Sequence[Run],
    path_of: Callable[[Run], Path],
    schema: "pa.Schema",
    *,
    allow_missing: bool = False,
) -> "pa.Table":
    """Return the tables of all runs as one, in the order of ``runs``.

    Args:
        runs: the cells of the grid.
        path_of: where the table of a run lies, such as ``Layout.record``.
        schema: the columns, from `smoothcore.files.schemas`.
        allow_missing: leave out cells that have no file instead of refusing.

    Raises:
        DamagedFileError: a file is damaged, or missing and not allowed to be.
    """
    import pyarrow as pa

    from smoothcore.files.records import read_run_table

    missing = [path_of(run) for run in runs if not path_of(run).exists()]
    if missing and not allow_missing:
        raise DamagedFileError(
            f"{len(missing)} of {len(runs)} cells are missing, the first is {missing[0]}. "
            "Run `snakemake` to compute them, or `snakemake partial` for tables without them."
        )
    tables = [read_run_table(path_of(run), run, schema) for run in runs if path_of(run).exists()]
    return pa.concat_tables([schema.empty_table(), *tables])
