"""What Snakemake adds to the jobs, what a second core brings, and how long a dry run takes."""

import csv
import json
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.alternating import ROOT, alternate, ratio
from benchmarks.bench import Bench, say

_DRY_RUN = ("--dry-run", "--cores", "1")


def snakemake(folder: Path, *arguments: str) -> tuple[float, str]:
    """Run snakemake in a folder; return the seconds and what it said."""
    command = [
        str(Path(sys.executable).parent / "snakemake"),
        "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder), *arguments,
    ]  # fmt: skip
    began = time.perf_counter()
    result = subprocess.run(command, text=True, capture_output=True)
    seconds = time.perf_counter() - began
    if result.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{result.stderr[-3000:]}")
    return seconds, result.stdout + result.stderr


def _study(folder: Path, bench: Bench, name: str, **settings) -> list[str]:
    """Put a study of equal training jobs into a folder; return the arguments that select it."""
    folder.mkdir()
    data = folder / "results" / name / "data" / "mnist.npz"
    data.parent.mkdir(parents=True)
    # the images lie there already, so that no job but training is left
    data.hardlink_to(bench.folder / "mnist.npz")
    overlay = folder / "overlay.json"
    overlay.write_text(json.dumps({"name": name, "optimality": None, **settings}))
    return ["--configfile", str(overlay), "--until", "train"]


def _batch(bench: Bench, cores: int | None, jobs: int, size: int, epochs: int):
    """Return a function that runs equal training jobs from nothing; ``cores`` None: a dry run."""
    folder = bench.folder / f"batch-{cores}-{epochs}"

    def once() -> float:
        shutil.rmtree(folder, ignore_errors=True)
        study = _study(
            folder, bench, "batch", pairs=["3-4"],
            training={"epsilon": 1e-12, "max_epochs": epochs},
            # a study has two sizes at least; these two have as many batches
            monotonicity={
                "sizes": [size - 2, size],
                "seeds": list(range(jobs // 2)),
                "learning_rate": 0.01,
            },
        )  # fmt: skip
        how = _DRY_RUN if cores is None else ("--cores", str(cores))
        return snakemake(folder, *how, "--quiet", *study)[0]

    return once


def overhead(bench: Bench) -> dict:
    """Return the seconds a job takes within Snakemake beyond those of its own process."""
    jobs = 4 if bench.quick else 10
    whole = _batch(bench, 1, jobs, 64, 1)
    start = _batch(bench, None, jobs, 64, 1)
    _batch(bench, 1, 2, 64, 1)()  # compiled code and bytecode are there from now on
    per_job, own = [], []
    for _ in range(bench.rounds(2)):
        seconds, started = whole(), start()
        files = (bench.folder / "batch-1-1" / "results").glob("*/benchmarks/**/*.tsv")
        rows = [next(csv.DictReader(file.open(), delimiter="\t")) for file in files]
        if len(rows) != jobs:
            raise RuntimeError(f"{len(rows)} jobs have run, not {jobs}")
        own.append(sum(float(row["s"]) for row in rows) / jobs)
        per_job.append((seconds - started) / jobs - own[-1])
    return {
        "jobs": jobs,
        "seconds_per_job": statistics.median(per_job),
        "own_seconds": statistics.median(own),
    }


def cores(bench: Bench) -> dict:
    """Return the runs per hour at 1 and 2 cores, once training has begun, and their ratio."""
    jobs, epochs = (2, 2) if bench.quick else (8, 600)
    tasks = {
        name: _batch(bench, number, jobs, 1024, epochs)
        for name, number in {"dry": None, "1": 1, "2": 2}.items()
    }
    times = alternate(tasks, bench.rounds(2))
    # Snakemake reads the rules and builds the graph once, however long the jobs then take
    after_start = {
        name: [t - dry for t, dry in zip(times[name], times["dry"], strict=True)] for name in "12"
    }
    return {
        "jobs": jobs,
        "runs_per_hour": {
            name: 3600 * jobs / statistics.median(values) for name, values in after_start.items()
        },
        "ratio": ratio(after_start["1"], after_start["2"]),
        "start_seconds": statistics.median(times["dry"]),
    }


def dry_run(bench: Bench) -> dict:
    """Return the seconds of a dry run of the paper's grid, and its number of runs."""
    folder = bench.folder / "dry-run"
    folder.mkdir()
    runs = [snakemake(folder, *_DRY_RUN, "--quiet") for _ in range(bench.rounds(2))]
    runs_said = re.search(r"([\d,]+) runs", runs[0][1])
    return {
        "seconds": statistics.median(seconds for seconds, _ in runs),
        "runs": int(runs_said[1].replace(",", "")) if runs_said else None,
    }


def run(bench: Bench) -> dict:
    """Return ``overhead``, ``cores`` and ``dry_run``."""
    say("workflow: overhead of a job")
    results = {"overhead": overhead(bench)}
    say("workflow: two cores against one")
    results["cores"] = cores(bench)
    say("workflow: dry run of the paper's grid")
    results["dry_run"] = dry_run(bench)
    return results


def show(results: dict) -> str:
    """Return the lines about the workflow."""
    one, two = results["overhead"], results["cores"]
    return "\n".join(
        [
            "The workflow",
            f"Snakemake adds {one['seconds_per_job']:.2f} s to a job "
            f"(of {one['own_seconds']:.2f} s here) and takes {two['start_seconds']:.1f} s to start",
            f"runs per hour: {two['runs_per_hour']['1']:,.0f} on 1 core, "
            f"{two['runs_per_hour']['2']:,.0f} on 2, ratio {two['ratio'][0]:.2f} "
            f"(of {two['jobs']} runs)",
            f"dry run of the paper's grid, {results['dry_run']['runs']} runs: "
            f"{results['dry_run']['seconds']:.1f} s",
        ]
    )
