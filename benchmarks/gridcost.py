"""Core hours of the published grid by kind of cell: measured ms per step × expected steps."""

import math
from collections import defaultdict

import yaml

from benchmarks.alternating import ROOT
from benchmarks.report import table
from smoothcore.study.config import load_study
from smoothcore.study.grid import all_runs
from smoothcore.workflow import costs

ENGINES = ("sparse", "tensorflow")
#: what the same steps cost when written with Keras
CONTENDERS = (*ENGINES, "keras")


def compute(steps: dict) -> list[dict]:
    """Return one row per kind of cell: ``cells``, ``steps`` and ``core_hours`` per contender.

    The steps are those `smoothcore.workflow.costs` expects, good to a factor of about two.

    Args:
        steps: what `benchmarks.steps.run` has returned.
    """
    milliseconds = {(row["contender"], row["regularizer"]): row["ms"] for row in steps["rows"]}
    study = load_study(yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8")))
    kinds = defaultdict(lambda: {"cells": 0, "steps": 0.0})
    for run in all_runs(study):
        experiment = "optimality" if run.size == study.optimality.size else "monotonicity"
        kind = kinds[experiment, run.regularizer]
        kind["cells"] += 1
        kind["steps"] += costs.expected_epochs(run, study) * math.ceil(
            run.size / study.training.batch_size
        )
    return [
        {
            "experiment": experiment,
            "regularizer": regularizer,
            **kind,
            "core_hours": {
                name: kind["steps"] * milliseconds[name, regularizer] / 3.6e6 for name in CONTENDERS
            },
        }
        for (experiment, regularizer), kind in kinds.items()
    ]


def show(rows: list[dict]) -> str:
    """Return the table of the grid's cost."""
    cells = [
        [
            row["experiment"],
            row["regularizer"],
            f"{row['cells']:,}",
            f"{row['steps'] / 1e6:.0f}",
            *(f"{row['core_hours'][name]:.1f}" for name in CONTENDERS),
        ]
        for row in rows
    ]
    total = [sum(row["core_hours"][name] for row in rows) for name in CONTENDERS]
    cells.append(
        [
            "all",
            "",
            f"{sum(row['cells'] for row in rows):,}",
            f"{sum(row['steps'] for row in rows) / 1e6:.0f}",
            *(f"{hours:.1f}" for hours in total),
        ]
    )
    heads = ["experiment", "penalty", "cells", "million steps", *(f"{n}, h" for n in CONTENDERS)]
    return "Core hours of training the published grid\n" + table(heads, cells)
