"""What training jobs asked for beside what they used, from the benchmark files of a study.

    python -m benchmarks.resources                              # the study of config.yaml
    python -m benchmarks.resources --configfile config/demo.yaml

One row per size and regularizer: jobs, expected and used seconds, time limit and memory of a first
attempt, and the largest memory used (of the job itself, without the Snakemake around it).
"""

import argparse
import csv
import statistics
from collections import defaultdict
from pathlib import Path

import yaml

from smoothcore.files.paths import Layout
from smoothcore.study.config import Study, load_study
from smoothcore.study.grid import all_runs
from smoothcore.workflow import costs

ROOT = Path(__file__).parent.parent
COLUMNS = (
    "size", "regularizer", "jobs", "expected s", "median s", "longest s", "limit min",
    "used MB", "asked MB",
)  # fmt: skip


def read_study(overlay: Path | None) -> Study:
    """Return the study of config.yaml with an overlay merged into it."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    if overlay is not None:
        config = _merged(config, yaml.safe_load(overlay.read_text(encoding="utf-8")))
    return load_study(config)


def _merged(base: dict, over: dict) -> dict:
    both = {
        key: _merged(base[key], over[key])
        for key in base.keys() & over.keys()
        if isinstance(base[key], dict) and isinstance(over[key], dict)
    }
    return {**base, **over, **both}


def rows(study: Study, folder: Path) -> list[tuple]:
    """Return one tuple in the order of `COLUMNS` per size and regularizer that has been run."""
    layout = Layout(folder)
    used = defaultdict(list)
    for run in all_runs(study):
        path = layout.benchmark("train", run)
        if path.exists():
            with path.open(encoding="utf-8", newline="") as file:
                (line,) = csv.DictReader(file, delimiter="\t")
            if line["max_rss"] not in ("NA", "-"):
                key = (run.size, run.regularizer, run.learning_rate)
                used[key].append((run, float(line["s"]), float(line["max_rss"])))
    return [
        (
            size,
            regularizer,
            len(cells),
            round(costs.expected_seconds(cells[0][0], study)),
            round(statistics.median(seconds for _, seconds, _ in cells)),
            round(max(seconds for _, seconds, _ in cells)),
            costs.training_minutes(cells[0][0], study),
            round(max(megabytes for _, _, megabytes in cells)),
            costs.training_memory_mb(study),
        )
        for (size, regularizer, _), cells in sorted(used.items())
    ]


def main() -> None:
    """Read, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--configfile", type=Path)
    parser.add_argument("--folder", type=Path, help="results/<name>, if it lies elsewhere")
    arguments = parser.parse_args()
    study = read_study(arguments.configfile)
    table = rows(study, arguments.folder or Path("results") / study.name)
    for row in (COLUMNS, *table):
        print(" | ".join(f"{value!s:>11}" for value in row))


if __name__ == "__main__":
    main()
