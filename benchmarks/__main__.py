"""Measure the speed of everything beside its alternatives, in one run.

Prints tables and writes them as JSON to benchmarks/out/. What is compared is measured in turn, one
thread each; the ratios are the result, absolute times depend on the machine and on who else is
using it.
"""

import argparse
import datetime
import json
import os
import platform
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from benchmarks import jobs, measuring, problem, steps, workflow
from benchmarks.alternating import ROOT, one_thread_environment
from benchmarks.bench import Bench, say
from benchmarks.worker import Worker
from smoothcore.training.determining import processor

PARTS = {"steps": steps, "measure": measuring, "jobs": jobs, "workflow": workflow}


def about(quick: bool, pixels: str) -> dict:
    """Return where and on what the numbers were measured."""
    libraries = ("numpy", "numba", "tensorflow", "keras", "snakemake")
    return {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "cpu": processor(),
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in libraries},
        "pixels": pixels,
        "quick": quick,
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="only try that everything runs; no number means much"
    )
    parser.add_argument(
        "--only", action="append", choices=PARTS, metavar="PART", help=f"of {', '.join(PARTS)}"
    )
    default = ROOT / "benchmarks" / "out" / f"{time.strftime('%Y%m%d-%H%M%S')}.json"
    parser.add_argument(
        "--output", type=Path, default=default, help="the JSON file", metavar="FILE"
    )
    arguments = parser.parse_args()
    environment = one_thread_environment()
    os.environ.clear()
    os.environ.update(environment)  # that of every process from here on
    began = time.monotonic()
    # 156 full batches of 64
    images, epochs = (1280, 5) if arguments.quick else (9984, 60)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        say("preparing images and a network")
        # in another process: a child counts its parent's memory as its own, this has to stay small
        with Worker() as worker:
            pixels = worker.ask(problem.write, Path(name), images, epochs)
        bench = Bench(Path(name), arguments.quick, images)
        results = {"about": about(arguments.quick, pixels)}
        for part in arguments.only or PARTS:
            results[part] = PARTS[part].run(bench)
            print(f"\n{PARTS[part].show(results[part])}\n", flush=True)
    results["about"]["seconds"] = round(time.monotonic() - began)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    say(f"written to {arguments.output}")


if __name__ == "__main__":
    main()
