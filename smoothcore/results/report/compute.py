"""Where the compute went, by kind of job: the workflow's benchmark files, the runs' seconds."""

import csv
import re
from pathlib import Path

import pandas as pd

from smoothcore.results.selection import in_order


def read_benchmarks(folder: Path) -> pd.DataFrame:
    """Read the benchmark files below ``results/<name>/benchmarks``, one job each.

    Returns:
        ``stage``, the rule; ``regularizer``, empty for a job of none; ``seconds`` and ``memory_mb``
        (peak resident set), NaN where a job was too short for Snakemake to see. Files that are not
        whole, as a job that is running leaves them, are skipped.
    """
    rows = []
    for path in sorted(folder.glob("**/*.tsv")):
        name = path.relative_to(folder).as_posix()
        match = re.search(r"regularizer=([^/]+)", name)
        key = (name.split("/")[0].removesuffix(".tsv"), match.group(1) if match else "")
        with path.open(newline="", encoding="utf-8") as file:
            jobs = csv.DictReader(file, delimiter="\t")
            rows += [(*key, job.get("s"), job.get("max_rss")) for job in jobs]
    table = pd.DataFrame(rows, columns=["stage", "regularizer", "seconds", "memory_mb"])
    for name in ("seconds", "memory_mb"):
        table[name] = pd.to_numeric(table[name], errors="coerce")
    return table.dropna(subset="seconds", ignore_index=True)


def by_kind(benchmarks: pd.DataFrame) -> pd.DataFrame:
    """Sum jobs by stage and regularizer: their number, seconds and peak memory."""
    table = benchmarks.groupby(["stage", "regularizer"], as_index=False).agg(
        jobs=("seconds", "size"), seconds=("seconds", "sum"), median=("seconds", "median"),
        longest=("seconds", "max"), memory_mb=("memory_mb", "max"),
    )  # fmt: skip
    first = table["stage"].map({"train": 0, "measure": 1}).fillna(2)
    return in_order(table.assign(first=first), "first", "regularizer")


def steps_by_kind(runs: pd.DataFrame) -> pd.DataFrame:
    """Return ``runs``, ``steps``, ``seconds`` of training and ``us_per_step`` per regularizer."""
    table = runs.groupby("regularizer", as_index=False).agg(
        runs=("steps", "size"), steps=("steps", "sum"), seconds=("seconds", "sum")
    )
    table["us_per_step"] = 1e6 * table["seconds"] / table["steps"].where(table["steps"] > 0)
    return in_order(table, "regularizer")
