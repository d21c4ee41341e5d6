"""workflow_scripts.train and measure as processes: killed, told to stop, twice at once, misused."""

import json
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from smoothcore.datasets import prepare
from smoothcore.files import schemas
from smoothcore.files.paths import Layout
from smoothcore.files.records import read_run_table
from smoothcore.study.run import Run
from smoothcore.training.recipe import Recipe
from tests.workflow import REPOSITORY, TIMINGS, wait_until

RUN = Run("3-5", 32, 0, "none", 0.0, 0.002)
RECIPE = Recipe("digits", "sparse", 16, 0.1, 4, 1e-5, 1_000_000)


class Cell:
    """One cell in a folder, trained by hand as `snakemake -np` prints it."""

    def __init__(self, folder, data, run=RUN, recipe=RECIPE, checkpoint_seconds=0.05):
        self.layout, self.run, self.recipe, self.data = Layout(folder), run, recipe, data
        self.checkpoint_seconds = checkpoint_seconds
        self.checkpoint = self.layout.checkpoint(run)
        folder.mkdir(exist_ok=True)
        self.log = folder / "train.log"

    def command(self, script="train", **changed):
        options = {
            "pair": self.run.pair,
            "size": self.run.size,
            "seed": self.run.seed,
            "regularizer": self.run.regularizer,
            "lambda": self.run.lambda_,
            "learning-rate": self.run.learning_rate,
            "data": self.data,
            "weights": self.layout.weights(self.run),
            "record": self.layout.record(self.run),
            "checkpoint": self.checkpoint,
        }
        if script == "train":
            options |= {
                "recipe": self.recipe.to_json(),
                "curve": self.layout.curve(self.run),
                "checkpoint-seconds": self.checkpoint_seconds,
            }
        else:
            options |= {
                "dataset": "digits",
                "n-samples": 20,
                "grid-points": 10,
                "output": self.layout.measured(self.run),
            }
        options |= {name.replace("_", "-"): value for name, value in changed.items()}
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        return [sys.executable, "-m", f"workflow_scripts.{script}", *words]

    def start(self):
        with self.log.open("a") as log:
            return subprocess.Popen(self.command(), cwd=REPOSITORY, stderr=log)

    def train(self):
        process = self.start()
        assert process.wait(timeout=300) == 0, self.log.read_text()

    def finish(self, script="train", **changed):
        return subprocess.run(
            self.command(script, **changed),
            cwd=REPOSITORY, capture_output=True, text=True, timeout=300,
        )  # fmt: skip

    def results(self):
        tables = []
        for path, schema in (
            (self.layout.record(self.run), schemas.RUNS),
            (self.layout.curve(self.run), schemas.CURVES),
        ):
            table = read_run_table(path, self.run, schema)
            tables.append(table.drop_columns([n for n in TIMINGS if n in table.column_names]))
        return self.layout.weights(self.run).read_bytes(), tables

    def record(self):
        table = read_run_table(self.layout.record(self.run), self.run, schemas.RUNS)
        return table.to_pylist()[0]

    def saved(self):
        """The epoch and the seconds in the checkpoint; (0, 0) without one."""
        try:
            with np.load(self.checkpoint) as saved:
                return int(saved["epoch"]), float(saved["seconds"])
        except FileNotFoundError:
            return 0, 0.0

    def wait_for_epoch(self, epoch, process):
        """Wait for a checkpoint at this epoch or later, or for the end of the process."""
        wait_until(lambda: self.saved()[0] >= epoch or process.poll() is not None)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "digits.npz"
    prepare("digits", path)
    return path


@pytest.fixture(scope="module")
def undisturbed(data, tmp_path_factory):
    cell = Cell(tmp_path_factory.mktemp("undisturbed"), data)
    cell.train()
    assert cell.record()["seconds"] > 0.5  # long enough to be killed in the middle
    return cell.results()


def test_killed_at_random_moments(data, undisturbed, tmp_path):
    """Four kill -9, each after at least one more checkpoint; then it ends with the same bits."""
    rng, cell, epochs = random.Random(1), Cell(tmp_path / "cell", data), [0]
    for _ in range(4):
        process = cell.start()
        cell.wait_for_epoch(epochs[-1] + 1, process)
        time.sleep(rng.uniform(0, 0.1))
        process.kill()
        if process.wait() == 0:
            break
        epochs.append(cell.saved()[0])
    assert len(epochs) >= 3 and epochs == sorted(set(epochs))
    cell.train()
    assert cell.results() == undisturbed
    assert cell.record()["resumes"] == len(epochs) - 1
    continued = [line for line in cell.log.read_text().splitlines() if "continuing" in line]
    assert len(continued) == len(epochs) - 1
    for epoch, line in zip(epochs[1:], continued, strict=True):
        assert f"from epoch {epoch} of" in line


def test_at_most_one_checkpoint_interval_is_lost(data, tmp_path):
    """At every kill: the time since training began or was resumed, minus what was saved."""
    interval, rng = 0.5, random.Random(2)
    endless = Recipe("digits", "sparse", 16, 0.1, 4, 1e-30, 10**9)
    cell = Cell(tmp_path / "cell", data, recipe=endless, checkpoint_seconds=interval)
    for _ in range(3):
        before = cell.saved()
        process = cell.start()
        # its first new checkpoint is written an interval after training began
        cell.wait_for_epoch(before[0] + 1, process)
        seen_at, (_, seconds_then) = time.monotonic(), cell.saved()
        time.sleep(rng.uniform(0, 1.5))
        process.kill()
        process.wait()
        worked = seconds_then + time.monotonic() - seen_at
        # one engine call more than the interval, and a machine that is busy with other things
        assert worked - cell.saved()[1] < 2 * interval + 0.5
        assert cell.saved()[0] > before[0]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_saves_and_exits(data, undisturbed, tmp_path, number):
    cell = Cell(tmp_path / "cell", data, checkpoint_seconds=0.05)
    process = cell.start()
    wait_until(lambda: cell.saved()[0] > 0)
    cell.checkpoint_seconds = 60
    epoch = cell.saved()[0]
    process.send_signal(number)
    assert process.wait(timeout=60) == 1
    said = cell.log.read_text()
    assert "error: told to stop after" in said and "Traceback" not in said
    assert cell.saved()[0] > epoch and f"after {cell.saved()[0]} epochs" in said
    assert not cell.layout.weights(RUN).exists()
    cell.train()
    assert cell.results() == undisturbed and cell.record()["resumes"] == 1


@pytest.mark.parametrize("damage", ["of another recipe", "truncated", "flipped"])
def test_a_checkpoint_that_cannot_be_used(data, undisturbed, tmp_path, damage):
    cell = Cell(tmp_path / "cell", data)
    if damage == "of another recipe":
        cell.recipe = Recipe("digits", "sparse", 16, 0.1, 4, 2e-5, 1_000_000)
    process = cell.start()
    wait_until(lambda: cell.saved()[0] > 0)
    process.kill()
    process.wait()
    content = bytearray(cell.checkpoint.read_bytes())
    if damage == "truncated":
        cell.checkpoint.write_bytes(content[: len(content) // 2])
    elif damage == "flipped":
        content[len(content) // 4] ^= 4  # in W
        cell.checkpoint.write_bytes(content)
    cell.recipe, cell.checkpoint_seconds = RECIPE, 60
    cell.train()
    words = "another configuration" if damage == "of another recipe" else "is damaged"
    assert words in cell.log.read_text() and "not used" in cell.log.read_text()
    assert cell.results() == undisturbed
    assert cell.record()["resumes"] == 0


def test_two_at_once_and_then_the_measures(data, undisturbed, tmp_path):
    cell = Cell(tmp_path / "cell", data)
    first, second = cell.start(), cell.start()
    assert first.wait(timeout=300) == second.wait(timeout=300) == 0
    said = cell.log.read_text()
    assert said.count("another process is at work on this run") == 1
    assert said.count("this run is complete already") == 1
    assert said.count("interpolated after") == 1
    assert cell.results() == undisturbed
    # the checkpoint stays until the network is measured: see workflow_scripts/measure.py
    assert cell.checkpoint.exists()
    done = cell.finish("measure")
    assert done.returncode == 0, done.stderr
    assert cell.layout.measured(RUN).exists() and not cell.checkpoint.exists()
    files = [path.name for path in tmp_path.rglob("*") if path.is_file()]
    assert not [name for name in files if name.startswith(".tmp")]


def test_a_waiting_process_can_be_stopped(data, tmp_path):
    endless = Recipe("digits", "sparse", 16, 0.1, 4, 1e-30, 10**9)
    cell = Cell(tmp_path / "cell", data, recipe=endless)
    first = cell.start()
    wait_until(lambda: cell.saved()[0] > 0)
    second = cell.start()
    wait_until(lambda: "another process is at work" in cell.log.read_text())
    second.terminate()
    assert second.wait(timeout=10) != 0
    first.kill()
    first.wait()


MISTAKES = {
    "no data file": ("train", {"data": "/nowhere/d.npz"}, "/nowhere/d.npz does not exist"),
    "a size that is too large": ("train", {"size": 100_000}, "size must be even, from 2 to 240"),
    "an odd size": ("train", {"size": 33}, "size must be even"),
    "no pair": ("train", {"pair": "7"}, "'7' is not two digits"),
    "a pair the wrong way round": ("train", {"pair": "5-3"}, "a-b with a < b"),
    "an unknown regularizer": ("train", {"regularizer": "L2"}, "unknown regularizer 'L2'"),
    "a λ without a regularizer": ("train", {"lambda": 1.0}, "does not fit regularizer 'none'"),
    "a recipe that is no JSON": ("train", {"recipe": "{"}, "not a recipe"),
    "a recipe with a key missing": ("train", {"recipe": '{"dataset": "digits"}'}, "not a recipe"),
    "an unknown engine": (
        "train",
        {"recipe": json.dumps({**vars(RECIPE), "engine": "warp"})},
        "no engine 'warp': one of ['sparse', 'tensorflow']",
    ),
    "data of another dataset": (
        "train",
        {"recipe": json.dumps({**vars(RECIPE), "dataset": "mnist"})},
        "holds the dataset 'digits', not mnist",
    ),
    "nothing to measure": ("measure", {}, "lambda-0.0_lr-0.002.npz does not exist"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_readable_message(data, tmp_path, name):
    script, changed, words = MISTAKES[name]
    done = Cell(tmp_path / "cell", data).finish(script, **changed)
    assert done.returncode in (1, 2)
    assert words in done.stderr and "error: " in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.rglob("*.npz")) and not list(tmp_path.rglob("*.parquet"))


def test_a_file_where_the_folder_should_be(data, tmp_path):
    cell = Cell(tmp_path / "cell", data, recipe=Recipe("digits", "sparse", 4, 0.1, 4, 1e-5, 1))
    (tmp_path / "cell" / "weights").write_text("in the way")
    done = cell.finish()
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "error: cannot write" in done.stderr
    assert "a file is where its folder should be" in done.stderr


def test_no_checkpoint_can_be_saved_and_training_goes_on(data, undisturbed, tmp_path):
    """The results fit under the limit of the file size, the checkpoint in its folder does not."""
    cell = Cell(tmp_path / "cell", data)
    done = subprocess.run(
        ["bash", "-c", 'ulimit -f 1; "$@" 2>&1 | cat', "-", *cell.command()],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert "no checkpoint was saved, training goes on: cannot write" in done.stdout
    assert "Traceback" not in done.stdout
    assert "error: cannot write" in done.stdout  # the weights do not fit either
    assert not cell.layout.weights(RUN).exists() and not cell.checkpoint.exists()
    cell.train()
    assert cell.results() == undisturbed
