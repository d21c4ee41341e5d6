"""A small study in a folder of its own, and the real `snakemake` on it."""

import contextlib
import copy
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import psutil
import pyarrow as pa
import yaml

from smoothcore.files.paths import Layout
from smoothcore.files.storage import read_parquet
from smoothcore.study.config import Study, load_study, merged
from smoothcore.study.grid import all_runs
from smoothcore.study.run import Run

REPOSITORY = Path(__file__).parent.parent
SNAKEMAKE = Path(sys.executable).parent / "snakemake"

#: eight runs of less than a second of training each
CONFIG = {
    "name": "tiny",
    "dataset": "digits",
    "pairs": ["0-1", "3-5"],
    "network": {"hidden_units": 16, "alpha": 0.1},
    "training": {"batch_size": 4, "epsilon": 1.0e-5, "max_epochs": 100000},
    "monotonicity": {"sizes": [16, 32], "seeds": [0], "learning_rate": 0.005},
    "optimality": {
        "size": 32,
        "regularizers": {
            "GN": {"lambda": [1.0e-4], "learning_rate": 0.005},
            "WP": None,
            "FPL": {"lambda": [1.0e-4], "learning_rate": 0.005},
            "GPL": None,
        },
    },
    "measures": {"n_samples": 50, "grid_points": 20},
}
RUNS, PER_PAIR = 8, 4

#: the tables, as snakemake calls them
TARGETS = ("results/tiny/table1.csv", "results/tiny/table2.csv", "results/tiny/kendall_tau.csv")

#: record columns that tell how a run went, not what came out
TIMINGS = ("seconds", "resumes")


class Workflow:
    """A study in a folder, run by `snakemake` in processes of its own.

    Attributes:
        folder: the working directory.
        config: what its config says beside the config of the repository; `write` saves it.
        repository: where the Snakefile and the library lie.
        config_file: where `write` saves the config.
    """

    def __init__(
        self,
        folder: Path,
        repository: Path = REPOSITORY,
        config: dict | None = None,
        config_name: str = "tiny.yaml",
    ):
        self.folder, self.repository = Path(folder), Path(repository)
        self.config = copy.deepcopy(CONFIG if config is None else config)
        self.config_file = self.folder / config_name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.write()

    def write(self) -> None:
        self.config_file.write_text(yaml.safe_dump(self.config))

    def copy_to(self, folder: Path, repository: Path | None = None) -> "Workflow":
        """Return the study with all its results and what Snakemake remembers, elsewhere."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Workflow(folder, repository or self.repository, self.config)

    @property
    def results(self) -> Path:
        return self.folder / "results" / self.config["name"]

    @property
    def layout(self) -> Layout:
        return Layout(self.results)

    @property
    def runs(self) -> list[Run]:
        return all_runs(study_of(self.config))

    def run_at(self, pair="0-1", size=32, seed=0, regularizer="none") -> Run:
        """Return the first run with these coordinates."""
        wanted = (pair, size, seed, regularizer)
        return next(r for r in self.runs if (r.pair, r.size, r.seed, r.regularizer) == wanted)

    @property
    def targets(self) -> list[str]:
        """Return what `snakemake` makes without a target, but figures and report."""
        names = ("grid", "runs", "measures")
        files = [self.results / f"{name}.parquet" for name in names]
        layout = self.layout
        for path_of in (layout.weights, layout.record, layout.curve, layout.measured):
            files += [path_of(run) for run in self.runs]
        return [*TARGETS, *(str(path.relative_to(self.folder)) for path in files)]

    def command(self, *arguments: str, cores: int = 2) -> list[str]:
        return [
            str(SNAKEMAKE), "--snakefile", str(self.repository / "Snakefile"),
            "--directory", str(self.folder), "--configfile", str(self.config_file),
            "--cores", str(cores), *arguments,
        ]  # fmt: skip

    def start(self, *arguments: str, **options) -> subprocess.Popen:
        """Start snakemake as the leader of a process group; its output goes to snakemake.log."""
        with (self.folder / "snakemake.log").open("a") as log:
            return subprocess.Popen(
                self.command(*arguments, **options),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def snakemake(self, *arguments: str, fails: bool = False, **options) -> str:
        """Run snakemake to its end and return what it said."""
        return said_by(self.command(*arguments, **options), fails=fails)

    def planned(self, *arguments: str) -> dict[str, int]:
        """Return how many jobs of each rule a dry run announces."""
        return planned(self.snakemake("--dry-run", *arguments))

    def comparable(self) -> dict[str, object]:
        """Return every result under its path, without what depends on the clock."""
        return {
            str(path.relative_to(self.results)): comparable(path)
            for path in final_files(self.results)
        }


def said_by(command: list, *, fails: bool = False, **options) -> str:
    """Run a command to its end and return what it said; assert that it ended as expected."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, **options)
    said = done.stdout + done.stderr
    assert (done.returncode != 0) == fails, said[-6000:]
    assert "Traceback" not in said, said[-6000:]
    return said


def without_tensorflow(folder: Path) -> Path:
    """Return a folder that, in PYTHONPATH, hides TensorFlow from every interpreter started."""
    folder.mkdir(exist_ok=True)
    hidden = 'import sys\nsys.modules.update(dict.fromkeys(["tensorflow", "keras"]))\n'
    (folder / "sitecustomize.py").write_text(hidden)
    return folder


def copy_folder(source: Path, to: Path) -> None:
    """Copy a folder of the repository but what another process is just compiling."""
    shutil.copytree(source, to, ignore=shutil.ignore_patterns("*.tmp", "*.pyc.*", ".tmp-*"))


def copy_repository(to: Path, changes: dict[str, str | Callable[[str], str]]) -> Path:
    """Copy what the workflow needs of the repository; write or edit some files of the copy.

    Args:
        to: a folder that does not exist.
        changes: file → its text, or a function of its text, which must change it.
    """
    to.mkdir(parents=True)
    for name in ("Snakefile", "config.yaml", "environment.yml"):
        shutil.copy(REPOSITORY / name, to / name)
    # with what was compiled: it holds for equal sources
    for name in ("smoothcore", "workflow_scripts", "rules", "report", "profiles"):
        copy_folder(REPOSITORY / name, to / name)
    for name, change in changes.items():
        path = to / name
        before = path.read_text() if path.exists() else None
        after = change if isinstance(change, str) else change(before)
        assert after != before, name
        path.parent.mkdir(exist_ok=True)
        path.write_text(after)
    return to


def planned(said: str) -> dict[str, int]:
    """Return the job table of a run or a dry run, without the targets."""
    if "Job stats:" not in said:
        assert "Nothing to be done" in said, said[-3000:]
        return {}
    table = said.split("Job stats:")[1].split("\n\n")[0]
    jobs = {name: int(n) for name, n in re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE)}
    return {name: n for name, n in jobs.items() if name not in ("total", "all", "partial")}


def runs_planned(said: str, action: str = "Training") -> list[str]:
    """Return the runs a dry run announces, in the words of the rule's message."""
    return sorted(re.findall(rf"^ *Job \d+: {action}: (.*)$", said, re.MULTILINE))


def in_words(runs: Iterable[Run]) -> list[str]:
    """Return what `runs_planned` returns where these runs are announced."""
    return sorted(
        f"pair {run.pair}, size {run.size}, seed {run.seed}, {run.regularizer} λ = {run.lambda_}, "
        f"learning rate {run.learning_rate}"
        for run in runs
    )


def changes_said(said: str) -> list[str]:
    """Return the lines that say what makes finished runs stale."""
    return re.findall(r"^\[[\d:]+\]   changed: (.*)$", said, re.MULTILINE)


def final_files(results: Path) -> list[Path]:
    """Return the files that a reader of a results folder would take for results."""
    passing = {"logs", "benchmarks", "checkpoints", "partial"}
    # os.walk, unlike rglob, goes on when a folder vanishes meanwhile
    paths = [Path(folder, name) for folder, _, names in os.walk(results) for name in names]
    return [
        path
        for path in sorted(paths)
        if path.suffix in (".npz", ".parquet", ".csv")
        and not path.name.startswith(".")
        and path.relative_to(results).parts[0] not in passing
    ]


def comparable(path: Path) -> object:
    """Return the bytes of a file; of a parquet file its verified table without the timings."""
    if path.suffix != ".parquet":
        return path.read_bytes()
    table: pa.Table = read_parquet(path)
    kept = [name for name in table.column_names if name not in TIMINGS]
    return table.select(kept).replace_schema_metadata()


def scripts_of(process: subprocess.Popen) -> list[psutil.Process]:
    """Return the workflow scripts that run below a snakemake process."""
    try:
        children = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return [child for child in children if script_name(child)]


def script_name(process: psutil.Process) -> str | None:
    """Return ``train`` of a process that runs ``python -P -m workflow_scripts.train …``."""
    try:
        words = process.cmdline()
    except psutil.Error:
        return None
    module = next((word for word in words[1:5] if word.startswith("workflow_scripts.")), None)
    return module and module.removeprefix("workflow_scripts.")


def kill_group(process: subprocess.Popen) -> None:
    """Kill -9 snakemake and every process it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_until(condition, seconds: float = 120.0, interval: float = 0.02):
    """Return the first true value of ``condition()``; fail after ``seconds``."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"waited {seconds} s in vain"
        time.sleep(interval)
    return value


def study_of(config: dict) -> Study:
    """Return the study of a config that is layered over the one of the repository."""
    return load_study(merged(yaml.safe_load((REPOSITORY / "config.yaml").read_text()), config))
