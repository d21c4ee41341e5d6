"""Table 1 and Table 2 as lines of a terminal, beside the paper's.

Needs the standard library alone: published tables can be shown without the project's environment.
"""

import csv
import math
import sys
from pathlib import Path
from typing import Any

from smoothcore.errors import DamagedFileError
from smoothcore.files.repair import reading, repair_hint
from smoothcore.readable import NO_VALUE, plain_lambda, two_decimals
from smoothcore.results import COLLECTED, comparison
from smoothcore.results.paper import N_PAIRS

_MARKS = {"within": "=", "higher": "higher", "lower": "lower", "": ""}
#: where a terminal has no other letters
_ASCII = str.maketrans(
    {"τ": "tau", "λ": "lambda", "ε": "epsilon", "±": "+-", "≤": "<=", "−": "-", "–": "-", "─": "-"}
)
_FILES = ("figure1.svg", "monotonicity.svg", "figure2.svg", "penalty_effects.svg", "report.html")


def lines(folder: Path) -> list[str]:
    """Return the tables of a folder of results, what to know about them, and what else lies there.

    Args:
        folder: ``results/<name>``, or its ``partial``, which is taken where there is nothing else.

    Raises:
        DamagedFileError: a table is missing or damaged.
        StorageError: a table may not be read.
    """
    if not (folder / "table1.csv").exists() and (folder / "partial" / "table1.csv").exists():
        folder /= "partial"
    table1, table2 = (_read(folder / f"{name}.csv") for name in ("table1", "table2"))
    is_papers, is_old = _whose(folder)
    try:
        rows1, rows2 = _rows1(table1, is_papers), _rows2(table2, is_papers)
        notes = _notes(table1, table2, is_papers)
    except (KeyError, TypeError, ValueError) as error:
        path = folder / "table1.csv"
        raise DamagedFileError(
            f"{path} or table2.csv is damaged ({error!r}). {repair_hint(path)}"
        ) from None
    if is_old:
        notes.append(
            "The study was changed since: these are tables of what it was. `snakemake partial` "
            f"makes those of the runs that are there, in {folder / 'partial'}."
        )
    shown = [
        "\nTable 1. Kendall's τ between training set size and measure\n",
        *_aligned(rows1),
        "\nTable 2. What a penalty leaves of its measure while the network interpolates\n",
        *_aligned(rows2),
        *("", *notes, ""),
        *(f"  {folder / name}" for name in _FILES if (folder / name).exists()),
    ]
    return [_shown(line) for line in shown]


def _shown(text: str) -> str:
    """Return a text as this terminal can show it: τ as tau where it must be."""
    encoding = sys.stdout.encoding or "ascii"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_ASCII).encode(encoding, "replace").decode(encoding)
    return text


def _notes(table1: list[dict], table2: list[dict], is_papers: bool | None) -> list[str]:
    notes = [
        "95 %: bootstrap interval, pairs resampled. Difference: ours minus the paper's; ±: what "
        f"the seeds alone make of it where both have all {N_PAIRS} pairs, 95 %."
    ]
    if is_papers:
        notes.append(
            "=: the paper's mean lies within ±, or where there is none within the interval; else "
            "ours is higher or lower."
        )
    elif is_papers is None:
        notes.append("No verdict: only grid.parquet, read by pyarrow, tells whose study this is.")
    else:
        notes.append("This is not the paper's study: its numbers stand here for orientation only.")
    r_norms = [comparison.compared(row, "r_norm_") for row in table2]
    if any(value.too_few for value in [*map(comparison.compared, table1), *r_norms]):
        notes.append(
            f"Fewer than {comparison.MIN_PAIRS} pairs or {comparison.MIN_SIZES} sizes: too few to "
            "conclude anything from that row."
        )
    if any(value.upper_bound for value in r_norms):
        notes.append(
            "≤: an upper bound. Half of the runs or more interpolate at this λ, and may at a "
            "larger one, which was not tried on all pairs."
        )
    if any(row["n_at_bound"] for row in table2):
        notes.append("At l_S: runs that lie at or below the lower bound without a penalty.")
    return notes


def _read(path: Path) -> list[dict[str, Any]]:
    """Read a table, its numbers as numbers; an empty cell is NaN."""
    with reading(path, ValueError, csv.Error), path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
        if any(None in (*row, *row.values()) for row in rows):
            raise ValueError("a row has more or fewer cells than there are columns")
    return [{k: _value(v) for k, v in row.items()} for row in rows]


def _value(text: str) -> Any:
    try:
        return float(text or "nan")
    except ValueError:
        return {"True": True, "False": False}.get(text, text)


def _whose(folder: Path) -> tuple[bool | None, bool]:
    """Tell whether the tables are of the paper's study, and of another than the grid's now.

    None and false if no grid says so.
    """
    grid = next((f for f in (folder, folder.parent) if (f / "grid.parquet").exists()), None)
    try:
        # without the environment of the project the tables are shown all the same
        from smoothcore.files.records import about
    except ImportError:
        grid = None
    if grid is None:
        return None, False
    asked, runs = about(grid / "grid.parquet"), folder / COLLECTED[0]
    made = about(runs)["study"] if runs.exists() else asked
    return not comparison.differences(made), made != asked


def _rows1(table: list[dict], is_papers: bool | None) -> list[list[str]]:
    head = ["", "estimate", "images", "ours", "95 %", "pairs", "sizes", "paper", "difference", ""]
    rows = [[*head, "τ so far"]]
    for row in table:
        tau = comparison.compared(row)
        so_far = f"{row['n_values']:.0f} of {row['n_in_grid']:.0f}"
        rows.append(
            [
                *(row["measure"], row["estimator"]),
                "" if row["images"] != row["images"] else row["images"],  # no usable run
                *(tau.ours, tau.interval),
                *(f"{tau.n_pairs}", f"{tau.n_sizes}"),
                *_beside(tau, is_papers),
                ", ".join(filter(None, [so_far, comparison.complete(row)])),
            ]
        )
    return rows


def _rows2(table: list[dict], is_papers: bool | None) -> list[list[str]]:
    head = ["penalty", "measure", "estimate", "λ", "at 0", "at λ", "r_norm", "95 %", "runs"]
    rows = [[*head, "paper", "difference", "", "ratio of means, 95 %", "at l_S"]]
    for row in table:
        r_norm, ratio = comparison.compared(row, "r_norm_"), comparison.ratio_of_means(row)
        means = (row["unregularized_mean"], row["regularized_mean"])
        rows.append(
            [
                *(row["regularizer"], row["measure"], row["estimator"]),
                _lambda(row),
                *map(two_decimals, means),
                *(r_norm.ours, r_norm.interval),
                f"{row['n_matched']:.0f} of {row['n_in_grid']:.0f}",
                *_beside(r_norm, is_papers),
                ratio.ours if ratio.ours == NO_VALUE else f"{ratio.ours}, {ratio.interval}",
                f"{row['n_at_bound']:.0f}",
            ]
        )
    return rows


def _lambda(row: dict) -> str:
    """Return λ, and the paper's where that is another."""
    paper = comparison.papers_lambda(row)
    there = "" if math.isnan(paper) else f" (paper {plain_lambda(paper)})"
    return plain_lambda(row["lambda"]) + there


def _beside(value: comparison.Compared, is_papers: bool | None) -> list[str]:
    return [value.paper, value.difference, _MARKS[value.verdict] if is_papers else ""]


def _aligned(rows: list[list[str]]) -> list[str]:
    rows = [[_shown(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  " + "  ".join(c.ljust(width) for c, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return [lines[0], "  " + "─" * (sum(widths) + 2 * (len(widths) - 1)), *lines[1:]]
