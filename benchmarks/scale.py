"""How the workflow scales: planning a grid 1, 10 and 30 times the published one, and running it.

    python -m benchmarks.scale                       # everything: about an hour
    python -m benchmarks.scale --factors             # the simulation alone: seconds
    python -m benchmarks.scale --factors 1 10

*Planning* is `snakemake --dry-run` on the grid with more seeds: of the whole grid, of one pair, and
of a tenth of the grid. *Makespan* is simulated: a core that becomes free takes the next cell, and
a cell takes what `workflow.costs` expects, times a scatter of which the order knows nothing.
Results go to benchmarks/out/scale.json and, as a table, to the screen.
"""

import argparse
import heapq
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml

from smoothcore.study.config import Study, load_study
from smoothcore.study.grid import all_runs
from smoothcore.workflow import costs

ROOT = Path(__file__).parent.parent
OUT = ROOT / "benchmarks" / "out" / "scale.json"
CORES = (1, 2, 16, 64, 256)
REPEATS = 20
#: standard deviation of log(time) among cells that are expected to take the same
SCATTER = 0.5
TIMEOUT_SECONDS = 1200

#: what is planned → targets and options for Snakemake
PLANS = {
    "whole grid": [],
    "one pair": ["--", "pair_4_9"],
    "a tenth": ["--batch", "collect=1/10"],
}


def published() -> Study:
    """Return the study of config.yaml."""
    return load_study(yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8")))


def enlarged(study: Study, factor: int) -> Study:
    """Return a study with ``factor`` times as many seeds."""
    changes: dict[str, object] = {"name": f"scale-{factor}"}
    for name in ("monotonicity", "optimality"):
        part = getattr(study, name)
        seeds = tuple(range(len(part.seeds) * factor))
        changes[name] = part.model_copy(update={"seeds": seeds})
    return study.model_copy(update=changes)


def plan(study: Study, arguments: Sequence[str]) -> dict[str, float]:
    """Dry-run a study.

    Returns:
        ``elapsed`` and ``processor`` seconds and ``peak_mb`` of Snakemake; ``exit_code``, which is
        not 0 if it failed or was ended after `TIMEOUT_SECONDS`.
    """
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "scale.json"
        config.write_text(json.dumps(study.to_dict()), encoding="utf-8")
        command = [
            sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--dry-run",
            "--quiet", "--cores", "1", "--directory", folder, "--configfile", config, *arguments,
        ]  # fmt: skip
        began = time.perf_counter()
        with (Path(folder) / "out.txt").open("w") as out:
            process = subprocess.Popen(command, stdout=out, stderr=out)
            timer = threading.Timer(TIMEOUT_SECONDS, process.kill)
            timer.start()
            _, status, usage = os.wait4(process.pid, 0)
            timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        return {
            "elapsed": round(time.perf_counter() - began, 1),
            "processor": round(usage.ru_utime + usage.ru_stime, 1),
            "peak_mb": round(usage.ru_maxrss / 1024),
            "exit_code": process.returncode,
        }


def makespan(seconds: Iterable[float], cores: int) -> float:
    """Return when the last job ends, if a core that is free takes the next job.

    Args:
        seconds: duration of every job, in the order in which they are taken.
        cores: number of cores.
    """
    free_at = [0.0] * cores
    for duration in seconds:
        heapq.heapreplace(free_at, free_at[0] + duration)
    return max(free_at)


def simulate(expected: Sequence[float], cores: int, repeats: int = REPEATS) -> dict[str, float]:
    """Return the mean makespan of three orders and the ideal one, in hours.

    ``ideal`` is the work spread evenly, or the longest job if that takes longer. ``longest first``
    and ``shortest first`` sort by what is expected; ``arbitrary`` shuffles.
    """
    sums: dict[str, list[float]] = {}
    for repeat in range(repeats):
        chance = random.Random(repeat)
        scatter = [chance.lognormvariate(-(SCATTER**2) / 2, SCATTER) for _ in expected]
        jobs = [(e, e * s) for e, s in zip(expected, scatter, strict=True)]
        took = [actual for _, actual in jobs]
        shuffled = chance.sample(took, len(took))
        by_expected = [actual for _, actual in sorted(jobs)]
        for order, hours in {
            "ideal": max(sum(took) / cores, max(took)),
            "longest first": makespan(reversed(by_expected), cores),
            "arbitrary": makespan(shuffled, cores),
            "shortest first": makespan(by_expected, cores),
        }.items():
            sums.setdefault(order, []).append(hours / 3600)
    return {order: round(statistics.mean(values), 3) for order, values in sums.items()}


def main() -> None:
    """Measure, simulate, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--factors", nargs="*", type=int, default=[1, 10, 30])
    parser.add_argument("--output", type=Path, default=OUT)
    arguments = parser.parse_args()
    study = published()
    seconds = [
        costs.expected_seconds(run, study) + costs.MEASURE_SECONDS for run in all_runs(study)
    ]
    results = {"cells": len(seconds), "core_hours": round(sum(seconds) / 3600, 1)}
    print(f"the published grid: {results['cells']} cells, {results['core_hours']} core hours")
    results["makespan_hours"] = {cores: simulate(seconds, cores) for cores in CORES}
    print("\ncores " + "".join(f"{order:>16}" for order in results["makespan_hours"][1]))
    for cores, hours in results["makespan_hours"].items():
        print(f"{cores:5} " + "".join(f"{value:14.2f} h" for value in hours.values()))
    results["planning"] = []
    if arguments.factors:
        print("\ntimes    cells what          elapsed  processor      memory")
    for factor in arguments.factors:
        larger = enlarged(study, factor)
        for what, extra in PLANS.items():
            row = {"factor": factor, "cells": len(all_runs(larger)), "what": what}
            row |= plan(larger, extra)
            results["planning"].append(row)
            note = f"  ended with exit code {row['exit_code']}" if row["exit_code"] else ""
            print(
                f"{factor:5} {row['cells']:8} {what:12} {row['elapsed']:8} s {row['processor']:8} s"
                f" {row['peak_mb']:8} MB{note}",
                flush=True,
            )
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
