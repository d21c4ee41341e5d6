"""Milliseconds per SGD step: both engines, Keras, JAX, and the two dense products of a step."""

import math
import statistics
from collections.abc import Mapping

import yaml
from tabulate import tabulate

from benchmarks.alternating import ROOT, alternate, ratio
from benchmarks.bench import Bench, say
from benchmarks.problem import GOALS
from benchmarks.worker import Worker, blas

ENGINES = ("sparse", "tensorflow")
KERAS = ("keras", "keras tuned")
#: a jitted epoch; the plain step only
JAX = "jax"
FLOOR = "sgemm"

#: the ratios of a row, each with the head of its column
RATIOS = {
    "over_sgemm": "÷ sgemm", "over_plain": "÷ own plain", "keras_over": "Keras ÷ it",
    "keras_tuned_over": "tuned Keras ÷ it", "jax_over": "JAX ÷ it",
}  # fmt: skip


def run(bench: Bench) -> dict:
    """Return ``rows``, one per contender and penalty; ``blas`` of NumPy; ``grid_hours``, sparse."""
    with Worker() as numpy, Worker() as tensorflow, Worker() as keras:
        tasks = {FLOOR: numpy.contender("contenders:floor", bench.pixels)}
        slow = {}
        for regularizer in GOALS:
            say(f"steps: preparing {regularizer}")
            for name, worker in zip(ENGINES, (numpy, tensorflow), strict=True):
                tasks[f"{name} {regularizer}"] = worker.contender(
                    "contenders:engine", bench.pixels, name=name, regularizer=regularizer
                )
            for name in KERAS:
                slow[f"{name} {regularizer}"] = keras.contender(
                    "keras_way:fit", bench.pixels, regularizer=regularizer,
                    tuned=name == "keras tuned",
                )  # fmt: skip
        slow[f"{JAX} none"] = numpy.contender("jax_contender:scan", bench.pixels)
        say("steps: measuring in turn")
        with_keras = alternate(tasks | slow, bench.rounds(5))
        engines_only = alternate(tasks, bench.rounds(10))
        times = {name: values + engines_only.get(name, []) for name, values in with_keras.items()}
        kernel = numpy.ask(blas)
    rows = _rows(times, with_keras)
    sparse = {row["regularizer"]: row["ms"] for row in rows if row["contender"] == "sparse"}
    return {"blas": kernel, "rows": rows, "grid_hours": grid_hours(sparse)}


def _rows(times: dict[str, list[float]], with_keras: dict[str, list[float]]) -> list[dict]:
    """Compare within rounds: engines over all of them, Keras over those it took part in."""
    rows = [{"contender": FLOOR, "regularizer": "", "ms": _ms(times[FLOOR])}]
    for name in (*ENGINES, *KERAS, JAX):
        for regularizer in GOALS if name != JAX else ("none",):
            mine = times[key := f"{name} {regularizer}"]
            rounds = times if name in ENGINES else with_keras
            row = {
                "contender": name,
                "regularizer": regularizer,
                "ms": _ms(mine),
                "over_sgemm": ratio(mine, rounds[FLOOR]),
                "over_plain": ratio(mine, rounds[f"{name} none"]),
            }
            if name in ENGINES:
                for other in (*KERAS, JAX):
                    if theirs := with_keras.get(f"{other} {regularizer}"):
                        column = f"{other.replace(' ', '_')}_over"
                        row[column] = ratio(theirs, with_keras[key])
            rows.append(row)
    return rows


def _ms(seconds: list[float]) -> float:
    return 1000 * statistics.median(seconds)


def grid_hours(milliseconds: Mapping[str, float]) -> float:
    """Return the core hours of training the paper's grid.

    Args:
        milliseconds: what a step takes, by regularizer. `smoothcore.workflow.costs` expects their
            number.
    """
    # here: every worker imports this module, and its memory is measured
    from smoothcore.study.config import load_study
    from smoothcore.study.grid import all_runs
    from smoothcore.workflow import costs

    study = load_study(yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8")))
    total = sum(
        costs.expected_epochs(run, study)
        * math.ceil(run.size / study.training.batch_size)
        * milliseconds[run.regularizer]
        for run in all_runs(study)
    )
    return total / 3.6e6


def show(results: dict) -> str:
    """Return the table of the steps."""
    kernels = sorted({f"{pool['internal_api']} {pool['version']} {pool['architecture']}"
                      for pool in results["blas"]})  # fmt: skip
    rows = [
        [row["contender"], row["regularizer"], row["ms"]]
        + [row[key].median if key in row else None for key in RATIOS]
        for row in results["rows"]
    ]
    heads = ["", "penalty", "ms/step", *RATIOS.values()]
    grid = f"\n\nthe paper's grid with sparse, core hours: {results['grid_hours']:.1f}"
    table = tabulate(rows, heads, "pipe", floatfmt=("", "", ".3f", *[".2f"] * len(RATIOS)))
    return f"One SGD step; BLAS: {', '.join(kernels)}\n{table}{grid}"
