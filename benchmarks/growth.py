"""How a plain step grows with h, d and the density of the pixels; where the dense engine wins."""

import itertools
import math
import statistics

from benchmarks.alternating import alternate, ratio, workers
from benchmarks.bench import Bench
from benchmarks.report import table

BASE = {"d": 784, "h": 256, "density": 0.193}
SERIES = {
    "h": (64, 128, 256, 512, 1024, 2048, 4096),
    "d": (64, 196, 784, 1764, 3136),
    "density": (0.05, 0.1, 0.193, 0.3, 0.45, 0.6, 0.8, 1.0),
}

_CHUNK_SECONDS = 0.06


def run(bench: Bench) -> dict:
    """Return ``rows``, a point of a series each, and ``crossover``, the density of equal cost."""
    images = 256 if bench.quick else 2048
    rows = []
    with workers(bench.folder, "growth-numpy", "growth-tensorflow") as (numpy, tensorflow):
        for series, values in SERIES.items():
            for value in values[:2] if bench.quick else values:
                bench.say(f"growth: {series} = {value}")
                at = BASE | {series: value}
                problem = ("random", at["d"], at["h"], at["density"], images)
                rows.append({"series": series, **at, **_point(bench, numpy, tensorflow, problem)})
    return {"rows": rows, "crossover": crossover(rows)}


def _point(bench: Bench, numpy, tensorflow, problem: tuple) -> dict:
    held = {
        "sgemm": (numpy, "floor", {}),
        "sparse": (numpy, "engine", {"name": "sparse", "regularizer": "none"}),
        "tensorflow": (tensorflow, "engine", {"name": "tensorflow", "regularizer": "none"}),
    }
    tasks = {
        name: worker.contender(name, kind, problem, arguments, _CHUNK_SECONDS)
        for name, (worker, kind, arguments) in held.items()
    }
    times = alternate(tasks, bench.rounds(9))
    for name, (worker, _, _) in held.items():
        worker.ask("forget", name=name)
    return {
        "ms": {name: 1000 * statistics.median(values) for name, values in times.items()},
        "sparse_over_sgemm": ratio(times["sparse"], times["sgemm"]),
        "tensorflow_over_sgemm": ratio(times["tensorflow"], times["sgemm"]),
        "sparse_over_tensorflow": ratio(times["sparse"], times["tensorflow"]),
    }


def crossover(rows: list[dict]) -> float | None:
    """Return the density from which on the dense engine is the faster one, None if there is none.

    Interpolated in the logarithms of the density and of the ratio.
    """
    points = sorted(
        (row["density"], row["sparse_over_tensorflow"][0])
        for row in rows
        if row["series"] == "density"
    )
    for (below, low), (above, high) in itertools.pairwise(points):
        if low < 1 <= high:
            weight = math.log(1 / low) / math.log(high / low)
            return math.exp(math.log(below) + weight * math.log(above / below))
    return None


def show(results: dict) -> str:
    """Return the table of the growth."""
    rows = [
        [
            row["series"],
            f"{row[row['series']]:g}",
            *(f"{row['ms'][name]:.3f}" for name in ("sgemm", "sparse", "tensorflow")),
            *(
                f"{row[key][0]:.2f}"
                for key in (
                    "sparse_over_sgemm", "tensorflow_over_sgemm", "sparse_over_tensorflow"
                )
            ),
        ]
        for row in results["rows"]
    ]  # fmt: skip
    heads = ["varied", "value", "sgemm ms", "sparse ms", "tensorflow ms", "sparse ÷ sgemm",
             "tensorflow ÷ sgemm", "sparse ÷ tensorflow"]  # fmt: skip
    where = results["crossover"]
    return (
        f"Growth of a plain step (else d = {BASE['d']}, h = {BASE['h']}, density "
        f"{BASE['density']}; random pixels, batch 64)\n{table(heads, rows)}\n"
        + (f"the dense engine wins above a density of {where:.2f}" if where else
           "neither engine overtakes the other on these densities")
    )  # fmt: skip
