"""The speeds this project sets itself, and whether a run of the benchmark has reached them."""

import math
import operator
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import yaml

from benchmarks.alternating import ROOT
from benchmarks.bench import table
from smoothcore.study.config import load_study
from smoothcore.study.grid import all_runs
from smoothcore.workflow import costs


class Reach(NamedTuple):
    """One number against its bound.

    Attributes:
        name: what it is.
        value: as measured.
        sign: ``≤`` or ``≥``.
        bound: what has to be reached.
        wish: what would be better still; None for none.
    """

    name: str
    value: float
    sign: str
    bound: float
    wish: float | None

    @property
    def reached(self) -> bool:
        """Whether the value keeps the bound."""
        return self._within(self.bound)

    @property
    def verdict(self) -> str:
        """In a word."""
        if not self.reached:
            return "FAIL"
        return "pass, wish met" if self.wish is not None and self._within(self.wish) else "pass"

    def _within(self, bound: float) -> bool:
        return {"≤": operator.le, "≥": operator.ge}[self.sign](self.value, bound)


def judge(results: dict) -> list[Reach]:
    """Return all reaches of the parts that have run."""
    parts = {"steps": _steps, "measure": _measure, "jobs": _jobs, "workflow": _workflow}
    return [reach for name in parts if name in results for reach in parts[name](results[name])]


def _steps(steps: dict) -> Iterator[Reach]:
    rows = {(row["contender"], row["regularizer"]): row for row in steps["rows"]}
    plain = rows["sparse", "none"]
    dense = rows["tensorflow", "none"]
    yield Reach("sparse, plain step ÷ sgemm", plain["over_sgemm"][0], "≤", 0.33, 0.26)
    yield Reach("Keras ÷ sparse, plain step", plain["keras_over"][0], "≥", 12, 15)
    yield Reach("JAX ÷ sparse, plain step", plain["jax_over"][0], "≥", 3.4, 4.4)
    yield Reach("tensorflow, plain step ÷ sgemm", dense["over_sgemm"][0], "≤", 1.15, 0.85)
    for name, bound, wish in (
        ("WP", 0.42, 0.35),
        ("FPL", 0.42, 0.35),
        ("GPL-exact", 0.42, 0.35),
        ("GPL", 0.9, 0.7),
        ("GN", 0.95, 0.75),
    ):
        over = rows["sparse", name]["over_sgemm"][0]
        yield Reach(f"sparse, {name} ÷ sgemm", over, "≤", bound, wish)
    yield Reach("Keras ÷ sparse, GPL", rows["sparse", "GPL"]["keras_over"][0], "≥", 15, 30)
    milliseconds = {name: row["ms"] for (engine, name), row in rows.items() if engine == "sparse"}
    yield Reach("whole grid, sparse, core hours", grid_hours(milliseconds), "≤", 50, 42)


def grid_hours(milliseconds: Mapping[str, float]) -> float:
    """Return the core hours of training the paper's grid.

    Args:
        milliseconds: what a step takes, by regularizer. `smoothcore.workflow.costs` expects their
            number.
    """
    study = load_study(yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8")))
    total = sum(
        costs.expected_epochs(run, study)
        * math.ceil(run.size / study.training.batch_size)
        * milliseconds[run.regularizer]
        for run in all_runs(study)
    )
    return total / 3.6e6


def _measure(measure: dict) -> Iterator[Reach]:
    yield Reach("measuring one network, s", measure["seconds"], "≤", 0.8, None)
    yield Reach("measuring one network, MB", measure["megabytes"], "≤", 350, None)


def _jobs(jobs: list[dict]) -> Iterator[Reach]:
    rows = {row["job"]: row for row in jobs}
    yield Reach("sparse job, fixed cost, s", rows["sparse"]["seconds"], "≤", 1.3, 1.0)
    yield Reach("sparse job, all images, MB", rows["sparse"]["megabytes"], "≤", 300, None)
    if "tensorflow" in rows:
        yield Reach("tensorflow job, fixed cost, s", rows["tensorflow"]["seconds"], "≤", 5, 4)


def _workflow(workflow: dict) -> Iterator[Reach]:
    yield Reach("runs per hour, 2 cores ÷ 1", workflow["ratio"][0], "≥", 1.9, 1.95)
    yield Reach("dry run of the paper's grid, s", workflow["dry_run_seconds"], "≤", 20, 8)


def show(reaches: list[Reach]) -> str:
    """Return the table of the reaches."""
    rows = [
        [
            reach.name,
            reach.verdict,
            f"{reach.value:.3g}",
            f"{reach.sign} {reach.bound:g}",
            "" if reach.wish is None else f"{reach.sign} {reach.wish:g}",
        ]
        for reach in reaches
    ]
    return "Reaches\n" + table(["", "verdict", "measured", "bound", "wish"], rows)
