"""Print Table 1 and Table 2 beside the paper's, and where the figures and the report lie."""

import argparse
import json
import sys
from pathlib import Path

import pandas as pd

from smoothcore.errors import exits_readably
from smoothcore.files.storage import read_csv, read_parquet
from smoothcore.results import comparison
from smoothcore.results.report.provenance import differences

_MARKS = {"within": "=", "higher": "higher", "lower": "lower", "": ""}
_FILES = ("figure1.svg", "figure2.svg", "report.html")


@exits_readably
def main() -> None:
    """Parse the arguments, read the tables, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", required=True, type=Path, help="results/<name>")
    folder = parser.parse_args().folder
    grid = next((f for f in (folder, folder.parent) if (f / "grid.parquet").exists()), folder)
    about = read_parquet(grid / "grid.parquet").schema.metadata[b"smoothcore.about"]
    table1, table2 = (read_csv(folder / f"{name}.csv") for name in ("table1", "table2"))
    print("\nTable 1. Kendall's τ between training set size and measure\n")
    _print_aligned(_rows1(table1))
    print("\nTable 2. What a penalty leaves of the measure while the network interpolates\n")
    _print_aligned(_rows2(table2))
    print(
        "\nIntervals: 95 % bootstrap over pairs. Last column of each comparison: ours minus the"
        "\npaper's; = where the paper's value lies within the interval, else higher or lower.\n"
    )
    if comparison.below_bound(table2).any():
        print("No r_norm (–) where the mean at 0 is already below its lower bound l_S.\n")
    if differences(json.loads(about)):
        print("This is not the paper's study: its numbers stand here for orientation only.\n")
    for name in _FILES:
        if (folder / name).exists():
            print(f"  {folder / name}")


def _rows1(table: pd.DataFrame) -> list[list[str]]:
    rows = [["", "", "ours", "95 %", "paper", "difference", "", "τ there are"]]
    for _, row in table.iterrows():
        tau = comparison.of_table1(row)
        counts = f"{row['n_values']:.0f} of {row['n_in_grid']:.0f}"
        rows.append([row["measure"], row["estimator"], *_compared(tau), counts])
    return rows


def _rows2(table: pd.DataFrame) -> list[list[str]]:
    head = ["", "", "λ", "at 0", "at λ", "r_norm", "95 %", "paper", "difference", "", "pairs"]
    rows = [head]
    for _, row in table.iterrows():
        means = [
            comparison.two_decimals(row[name])
            for name in ("unregularized_mean", "regularized_mean")
        ]
        counts = f"{row['n_matched']:.0f} of {row['n_in_grid']:.0f}"
        rows.append(
            [
                *(row["regularizer"], row["estimator"], comparison.plain_lambda(row["lambda"])),
                *(*means, *_compared(comparison.of_table2(row)), counts),
            ]
        )
    return rows


def _compared(value: comparison.Compared) -> list[str]:
    mark = _MARKS[value.verdict]
    return [value.ours, value.interval, value.paper, value.difference, mark]


def _print_aligned(rows: list[list[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        print("  " + "  ".join(cells).rstrip())
        if number == 0:
            print("  " + "─" * (sum(widths) + 2 * (len(widths) - 1)))


if __name__ == "__main__":
    sys.exit(main())
