"""Seconds to measure one network."""

import statistics

from benchmarks.bench import Bench, say
from benchmarks.worker import Worker, megabytes


def run(bench: Bench) -> dict:
    """Return ``seconds`` and ``megabytes``; N = 1000, n = 100, no imports."""
    with Worker() as worker:
        say("measure: measuring")
        once = worker.contender("contenders:closed_forms", folder=bench.folder)
        seconds = statistics.median(once() for _ in range(bench.rounds(9)))
        return {"seconds": seconds, "megabytes": worker.ask(megabytes)}


def show(results: dict) -> str:
    """Return the lines about measuring."""
    return (
        "Measuring one network (N = 1000, n = 100)\n"
        "all measures in closed form, trained and initial network, 2,000 test and 10,000 training "
        f"images: {results['seconds']:.3f} s, {results['megabytes']:.0f} MB"
    )
