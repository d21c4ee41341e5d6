"""What Snakemake adds to the jobs, what a second core brings, and how long a dry run takes."""

import csv
import json
import shutil
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from benchmarks.alternating import ROOT, alternate, ratio
from benchmarks.bench import Bench, say

_DRY_RUN = ("--dry-run", "--cores", "1")


def snakemake(folder: Path, *arguments: str) -> float:
    """Run snakemake quietly in a folder; return the seconds."""
    command = [
        str(Path(sys.executable).parent / "snakemake"),
        "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder), "--quiet", *arguments,
    ]  # fmt: skip
    began = time.perf_counter()
    result = subprocess.run(command, text=True, capture_output=True)
    seconds = time.perf_counter() - began
    if result.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{result.stderr[-3000:]}")
    return seconds


def _batch(bench: Bench, cores: int, jobs: int, epochs: int) -> tuple[float, float]:
    """Run equal training jobs from nothing; on 0 cores it is a dry run.

    Returns:
        The seconds of it all, and those of the jobs' own processes together.
    """
    folder = bench.folder / f"batch-{cores}"
    shutil.rmtree(folder, ignore_errors=True)
    data = folder / "results" / "batch" / "data" / "mnist.npz"
    data.parent.mkdir(parents=True)
    # the images lie there already, so that no job but training is left
    data.hardlink_to(bench.folder / "mnist.npz")
    study = {
        "name": "batch", "pairs": ["3-4"], "optimality": None,
        "training": {"epsilon": 1e-12, "max_epochs": epochs},
        # a study has two sizes at least; these two have as many batches
        "monotonicity": {
            "sizes": [1022, 1024], "seeds": list(range(jobs // 2)), "learning_rate": 0.01
        },
    }  # fmt: skip
    overlay = folder / "overlay.json"
    overlay.write_text(json.dumps(study))
    how = ("--cores", str(cores)) if cores else _DRY_RUN
    seconds = snakemake(folder, *how, "--configfile", str(overlay), "--until", "train")
    files = (folder / "results").glob("*/benchmarks/**/*.tsv")
    own = [float(next(csv.DictReader(file.open(), delimiter="\t"))["s"]) for file in files]
    if cores and len(own) != jobs:
        raise RuntimeError(f"{len(own)} jobs have run, not {jobs}")
    return seconds, sum(own)


def batches(bench: Bench) -> dict:
    """Return what Snakemake adds to a job, and the runs per hour at 1 and 2 cores.

    Both once training has begun: Snakemake reads the rules and builds the graph once, however long
    the jobs then take.
    """
    jobs, epochs = (2, 2) if bench.quick else (8, 600)
    _batch(bench, 1, 2, 1)  # compiled code and bytecode are there from now on
    tasks = {cores: partial(_batch, bench, cores, jobs, epochs) for cores in (0, 1, 2)}
    rounds = alternate(tasks, bench.rounds(2))
    starts = [seconds for seconds, _ in rounds[0]]
    one, two = (
        [seconds - start for (seconds, _), start in zip(rounds[cores], starts, strict=True)]
        for cores in (1, 2)
    )
    own = [seconds for _, seconds in rounds[1]]
    added = [seconds - of_jobs for seconds, of_jobs in zip(one, own, strict=True)]
    return {
        "jobs": jobs,
        "seconds_per_job": statistics.median(added) / jobs,
        "own_seconds": statistics.median(own) / jobs,
        "runs_per_hour": [3600 * jobs / statistics.median(seconds) for seconds in (one, two)],
        "ratio": ratio(one, two),
        "start_seconds": statistics.median(starts),
    }


def run(bench: Bench) -> dict:
    """Return what `batches` returns, and the seconds of a dry run of the paper's grid."""
    say("workflow: overhead of a job, two cores against one")
    results = batches(bench)
    say("workflow: dry run of the paper's grid")
    folder = bench.folder / "dry-run"
    folder.mkdir()
    runs = [snakemake(folder, *_DRY_RUN) for _ in range(bench.rounds(2))]
    return results | {"dry_run_seconds": statistics.median(runs)}


def show(results: dict) -> str:
    """Return the lines about the workflow."""
    one, two = results["runs_per_hour"]
    return "\n".join(
        [
            "The workflow",
            f"Snakemake adds {results['seconds_per_job']:.2f} s to a job "
            f"(of {results['own_seconds']:.2f} s here) "
            f"and takes {results['start_seconds']:.1f} s to start",
            f"runs per hour: {one:,.0f} on 1 core, {two:,.0f} on 2, "
            f"ratio {results['ratio'].median:.2f} (of {results['jobs']} runs)",
            f"dry run of the paper's grid: {results['dry_run_seconds']:.1f} s",
        ]
    )
