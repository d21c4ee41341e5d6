"""Seconds to measure one network: the closed forms beside automatic differentiation."""

import statistics

from benchmarks.alternating import alternate, ratio, workers
from benchmarks.bench import Bench


def run(bench: Bench) -> dict:
    """Return ``seconds`` of both routes and their ``ratio``; N = 1000, n = 100, no imports."""
    n_samples, grid_points = (50, 10) if bench.quick else (1000, 100)
    arguments = {
        "folder": str(bench.folder), "n_samples": n_samples, "grid_points": grid_points
    }  # fmt: skip
    with workers(bench.folder, "measure-numpy", "measure-keras") as (numpy, keras):
        bench.say("measure: preparing")
        tasks = {
            "closed forms": numpy.contender("closed", "closed_forms", None, arguments, 0.0),
            "autodiff": keras.contender("autodiff", "keras_autodiff", None, arguments, 0.0),
        }
        bench.say("measure: measuring in turn")
        times = alternate(tasks, bench.rounds(3))
        alone = [tasks["closed forms"]() for _ in range(bench.rounds(6))]
        megabytes = numpy.ask("about")["megabytes"]
    return {
        "n_samples": n_samples,
        "grid_points": grid_points,
        "seconds": {
            "closed forms": statistics.median(times["closed forms"] + alone),
            "autodiff": statistics.median(times["autodiff"]),
        },
        "megabytes": megabytes,
        "ratio": ratio(times["autodiff"], times["closed forms"]),
    }


def show(results: dict) -> str:
    """Return the lines about measuring."""
    return (
        f"Measuring one network (N = {results['n_samples']}, n = {results['grid_points']})\n"
        "all measures in closed form, trained and initial network, 2,000 test and 10,000 training "
        f"images: {results['seconds']['closed forms']:.3f} s, {results['megabytes']:.0f} MB\n"
        "GN, FPL and GPL alone by automatic differentiation, on the test images: "
        f"{results['seconds']['autodiff']:.2f} s, {results['ratio'][0]:.0f} times as long"
    )
