"""Writes ``docs/columns.md``: the columns of every table, from the schemas and from docstrings.

python -m smoothcore.results.reference, or `make reference`.
"""

import inspect
import re
import textwrap
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from smoothcore.files.schemas import COORDINATES, CURVE_COLUMNS, MEASURE_COLUMNS, RUN_COLUMNS
from smoothcore.results import statistics
from smoothcore.study import grid

PATH = Path(__file__).parents[2] / "docs" / "columns.md"

_HEAD = """\
# The columns of the tables

<!-- `make reference` writes this page. -->

Everything a study found lies in `results/<name>/`: Parquet files with one row per run or value,
and small CSV files made from them. `runs.parquet`, `measures.parquet` and `curves.parquet` also
exist as folders with one file per run, `runs/` and so on, in which `pair`, `size`, `seed` and
`regularizer` are names of folders; there `curves/` keeps more epochs.
"""

_N = len(COORDINATES)
_PARQUET = {
    "The coordinates of a run": ("The first columns of each file identify it.", COORDINATES),
    "`runs.parquet`": ("One row per run: coordinates, and", RUN_COLUMNS[_N:]),
    "`measures.parquet`": (
        "One row per run, network, measure, estimator and set of images: coordinates, and",
        MEASURE_COLUMNS[_N:],
    ),
    "`curves.parquet`": ("One row per run and epoch kept: coordinates, and", CURVE_COLUMNS[_N:]),
}

#: what says which columns a table has
_MADE_BY: dict[str, Callable] = {
    "grid.parquet": grid.to_table,
    "kendall_tau.csv": statistics.kendall_taus,
    "table1.csv": statistics.table1,
    "table2.csv": statistics.table2,
    "edge.csv": statistics.penalties,
    "r_norm.csv": statistics.r_norms,
    "penalty_effects.csv": statistics.penalty_effects,
    "rate_effects.csv": statistics.rate_effects,
}

_TYPES = {pa.string(): "text", pa.float64(): "number", pa.int64(): "whole", pa.bool_(): "truth"}


def text() -> str:
    """Return ``docs/columns.md``."""
    lines = [_HEAD]
    for name, (rows, columns) in _PARQUET.items():
        lines += [f"## {name}", "", rows, ""]
        lines += ["| column | type | unit | meaning |", "| --- | --- | --- | --- |"]
        lines += [f"| `{c.name}` | {_TYPES[c.type]} | {c.unit} | {c.meaning} |" for c in columns]
        lines.append("")
    for name, function in _MADE_BY.items():
        lines += [f"## `{name}`", "", _returned(function), ""]
    return "\n".join(lines)


def _returned(function: Callable) -> str:
    """Return what a docstring says of the value, with names of files for those of functions."""
    head, _, section = inspect.cleandoc(function.__doc__ or "").partition("\nReturns:\n")
    said = f"{head}\n\n{textwrap.dedent(section)}".replace("Return ", "", 1).replace("``", "`")
    for name, maker in _MADE_BY.items():
        said = said.replace(f"`{maker.__name__}`", f"`{name}`")
    said = said.replace("`COORDINATES`", "coordinates").strip()
    return re.sub(r"\n{3,}", "\n\n", said[:1].upper() + said[1:])


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
