"""The speeds this project sets itself, and whether a run of the benchmark has reached them."""

import operator
from collections.abc import Iterator
from typing import NamedTuple

from benchmarks.report import table


class Reach(NamedTuple):
    """One number against its bound.

    Attributes:
        name: what it is.
        value: as measured.
        sign: ``≤`` or ``≥``.
        bound: what has to be reached.
        wish: what would be better still; None if there is no such thing.
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
    yield Reach("sparse, plain step ÷ sgemm", plain["over_sgemm"][0], "≤", 0.55, 0.40)
    yield Reach("Keras ÷ sparse, plain step", plain["keras_over"][0], "≥", 10, 15)
    yield Reach("tensorflow, plain step ÷ sgemm", dense["over_sgemm"][0], "≤", 1.15, 0.85)
    for name, bound, wish in (
        ("WP", 1.4, 1.2),
        ("FPL", 1.4, 1.2),
        ("GPL-exact", 1.4, 1.2),
        ("GPL", 3.5, 2),
        ("GN", 4.5, 3.5),
    ):
        over = rows["sparse", name]["over_plain"][0]
        yield Reach(f"sparse, {name} ÷ plain step", over, "≤", bound, wish)
    yield Reach("Keras ÷ sparse, GPL", rows["sparse", "GPL"]["keras_over"][0], "≥", 15, 30)


def _measure(measure: dict) -> Iterator[Reach]:
    yield Reach("measuring one network, s", measure["seconds"]["closed forms"], "≤", 0.6, 0.25)
    yield Reach("autodiff ÷ closed forms", measure["ratio"][0], "≥", 20, 50)


def _jobs(jobs: list[dict]) -> Iterator[Reach]:
    rows = {row["job"]: row for row in jobs}
    yield Reach("sparse job, fixed cost, s", rows["sparse"]["seconds"], "≤", 2, 1)
    yield Reach("sparse job, memory, MB", rows["sparse"]["megabytes"], "≤", 300, None)
    if "tensorflow" in rows:
        yield Reach("tensorflow job, fixed cost, s", rows["tensorflow"]["seconds"], "≤", 5, 4)


def _workflow(workflow: dict) -> Iterator[Reach]:
    yield Reach("cells per hour, 2 cores ÷ 1", workflow["cores"]["ratio"][0], "≥", 1.9, 1.95)
    yield Reach("dry run of the full grid, s", workflow["dry_run"]["seconds"], "≤", 20, 8)


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
