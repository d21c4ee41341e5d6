"""Milliseconds per plain step by the number of training images: what an epoch costs beside steps.

`fit` does some work at every start of an epoch. On 10,000 images it is spread over 157 steps, on
the 64 of the smallest runs of Table 1 an epoch is a single step.
"""

import statistics

from benchmarks.alternating import alternate, ratio, workers
from benchmarks.bench import Bench
from benchmarks.report import table

SIZES = (64, 256, 1024, 4096, 9984)
NAMES = ("sparse", "tensorflow", "keras")


def run(bench: Bench) -> list[dict]:
    """Return for every size the ``ms`` of a step, and how many times Keras takes as long."""
    rows = []
    names = ("sizes-numpy", "sizes-tensorflow", "sizes-keras")
    with workers(bench.folder, *names) as (numpy, tensorflow, keras):
        for size in SIZES[:2] if bench.quick else SIZES:
            bench.say(f"sizes: {size} images")
            problem = ("folder", str(bench.folder), size)
            held = {
                "sparse": (numpy, "engine", {"name": "sparse"}),
                "tensorflow": (tensorflow, "engine", {"name": "tensorflow"}),
                "keras": (keras, "keras_fit", {"tuned": False}),
            }
            tasks = {
                name: worker.contender(name, kind, problem, {"regularizer": "none", **more}, 0.2)
                for name, (worker, kind, more) in held.items()
            }
            times = alternate(tasks, bench.rounds(5))
            rows.append(
                {
                    "images": size,
                    "ms": {name: 1000 * statistics.median(times[name]) for name in NAMES},
                    "keras_over_sparse": ratio(times["keras"], times["sparse"]),
                    "keras_over_tensorflow": ratio(times["keras"], times["tensorflow"]),
                }
            )
    return rows


def show(rows: list[dict]) -> str:
    """Return the table of the sizes."""
    cells = [
        [
            f"{row['images']:,}",
            *(f"{row['ms'][name]:.3f}" for name in NAMES),
            f"{row['keras_over_sparse'][0]:.1f}",
            f"{row['keras_over_tensorflow'][0]:.1f}",
        ]
        for row in rows
    ]
    heads = ["images", *(f"{name} ms" for name in NAMES), "Keras ÷ sparse", "÷ tensorflow"]
    return "A plain step by the number of training images\n" + table(heads, cells, left=1)
