"""Seconds to measure one network."""

import statistics

from benchmarks.bench import Bench, say
from benchmarks.worker import Worker, megabytes


def run(bench: Bench) -> dict:
    """Return ``seconds`` and ``megabytes``; N = 1000, n = 100, no imports."""
    n_samples, grid_points = (50, 10) if bench.quick else (1000, 100)
    arguments = {
        "folder": str(bench.folder), "n_samples": n_samples, "grid_points": grid_points
    }  # fmt: skip
    with Worker() as worker:
        say("measure: measuring")
        once = worker.contender("contenders:closed_forms", None, arguments, 0.0)
        seconds = statistics.median(once() for _ in range(bench.rounds(9)))
        about = {"n_samples": n_samples, "grid_points": grid_points}
        return {**about, "seconds": seconds, "megabytes": worker.ask(megabytes)}


def show(results: dict) -> str:
    """Return the lines about measuring."""
    return (
        f"Measuring one network (N = {results['n_samples']}, n = {results['grid_points']})\n"
        "all measures in closed form, trained and initial network, 2,000 test and 10,000 training "
        f"images: {results['seconds']:.3f} s, {results['megabytes']:.0f} MB"
    )
