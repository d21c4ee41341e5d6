"""workflow_scripts.train and measure as processes: killed, told to stop, twice at once, misused."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from smoothcore.engines import ENGINES
from smoothcore.errors import EXIT_INTERRUPTED
from smoothcore.files import schemas
from smoothcore.files.paths import Layout
from smoothcore.files.records import read_run_table
from smoothcore.jobs.settings import MeasuringSettings
from smoothcore.study.run import Run
from smoothcore.training.recipe import Recipe
from smoothcore.workflow.command_line import to_settings
from tests.workflow import REPOSITORY, TIMINGS, wait_until

#: a learning rate so small that a fast machine trains for seconds
RUN = Run("3-5", 32, 0, "none", 0.0, 0.0002)
RECIPE = Recipe("digits", "sparse", 16, 0.1, 4, 1e-5, 1_000_000)
TINY = replace(RECIPE, hidden_units=4, max_epochs=1)
ENDLESS = replace(RECIPE, epsilon=1e-30, max_epochs=10**9)
MEASURING = MeasuringSettings(n_samples=20, grid_points=10)
#: the library, wherever the job is started
ENVIRONMENT = os.environ | {"PYTHONPATH": str(REPOSITORY)}


class ByHand:
    """One run in a folder, trained by hand as `snakemake -np` prints it."""

    def __init__(self, folder, data):
        self.layout, self.run, self.recipe, self.data = Layout(folder), RUN, RECIPE, data
        self.checkpoint_seconds = 0.05
        self.checkpoint = self.layout.checkpoint(RUN)
        folder.mkdir(exist_ok=True)
        self.log = folder / "train.log"

    def command(self, script="train", changes=None, **options):
        """The command; ``changes`` replaces parts or keys (``run.size``) of the settings."""
        parts = json.loads(to_settings(run=self.run, recipe=self.recipe, measuring=MEASURING))
        if script == "train":
            del parts["measuring"]
        for path, value in (changes or {}).items():
            part, _, key = path.partition(".")
            if key:
                parts[part][key] = value
            else:
                parts[part] = value
        defaults = {
            "settings": json.dumps(parts),
            "data": self.data,
            "weights": self.layout.weights(self.run),
            "record": self.layout.record(self.run),
            "checkpoint": self.checkpoint,
        }
        if script == "train":
            defaults |= {
                "curve": self.layout.curve(self.run),
                "checkpoint-seconds": self.checkpoint_seconds,
            }
        else:
            defaults["output"] = self.layout.measured(self.run)
        options = defaults | options
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        return [sys.executable, "-P", "-m", f"workflow_scripts.{script}", *words]

    def start(self):
        with self.log.open("a") as log:
            return subprocess.Popen(self.command(), env=ENVIRONMENT, stderr=log)

    def train(self):
        process = self.start()
        assert process.wait(timeout=300) == 0, self.log.read_text()

    def finish(self, script="train", changes=None, **options):
        return subprocess.run(
            self.command(script, changes, **options),
            env=ENVIRONMENT, capture_output=True, text=True, timeout=300,
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
        """The epoch of the checkpoint; 0 without one."""
        try:
            with np.load(self.checkpoint) as saved:
                return int(saved["epoch"])
        except FileNotFoundError:
            return 0

    def wait_for_epoch(self, epoch, process):
        """Wait for a checkpoint at this epoch or later, or for the end of the process."""
        wait_until(lambda: self.saved() >= epoch or process.poll() is not None)


@pytest.fixture
def job(digits, tmp_path):
    return ByHand(tmp_path / "run", digits)


@pytest.fixture(scope="module")
def undisturbed(digits, tmp_path_factory):
    job = ByHand(tmp_path_factory.mktemp("undisturbed"), digits)
    job.train()
    assert job.record()["seconds"] > 0.5  # long enough to be killed in the middle
    return job.results()


def test_killed_at_random_moments(job, undisturbed):
    """Four kill -9, each after at least one more checkpoint; then it ends with the same bits."""
    rng, epochs = random.Random(1), [0]
    for _ in range(4):
        process = job.start()
        job.wait_for_epoch(epochs[-1] + 1, process)
        time.sleep(rng.uniform(0, 0.03))
        process.kill()
        if process.wait() == 0:
            break
        epochs.append(job.saved())
    assert len(epochs) >= 3 and epochs == sorted(set(epochs))
    job.train()
    assert job.results() == undisturbed
    assert job.record()["resumes"] == len(epochs) - 1
    continued = [line for line in job.log.read_text().splitlines() if "continuing" in line]
    assert len(continued) == len(epochs) - 1
    for epoch, line in zip(epochs[1:], continued, strict=True):
        assert f"from epoch {epoch} of" in line


def test_at_most_one_checkpoint_interval_is_lost(job):
    """At every kill the checkpoint is no older than that."""
    interval, rng = 0.5, random.Random(2)
    job.recipe, job.checkpoint_seconds = ENDLESS, interval
    for _ in range(3):
        before = job.saved()
        process = job.start()
        # its first new checkpoint is written an interval after training began
        job.wait_for_epoch(before + 1, process)
        time.sleep(rng.uniform(3, 4.5))
        age = time.time() - job.checkpoint.stat().st_mtime
        process.kill()
        process.wait()
        # one engine call more than the interval, and a machine that is busy with other things
        assert age < 2 * interval + 1.5
        assert job.saved() > before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_saves_and_exits(job, undisturbed, number):
    process = job.start()
    wait_until(lambda: job.saved() > 0)
    job.checkpoint_seconds = 60
    epoch = job.saved()
    process.send_signal(number)
    assert process.wait(timeout=60) == EXIT_INTERRUPTED
    said = job.log.read_text()
    assert "\ntold to stop after" in said
    assert "Traceback" not in said and "error" not in said.lower()
    assert job.saved() >= epoch and f"after {job.saved()} epochs" in said
    assert not job.layout.weights(RUN).exists()
    job.train()
    assert job.results() == undisturbed and job.record()["resumes"] == 1


def test_a_checkpoint_that_cannot_be_used(job, undisturbed):
    """What else is wrong with one is told apart in `test_checkpoint`."""
    process = job.start()
    wait_until(lambda: job.saved() > 0)
    process.kill()
    process.wait()
    content = job.checkpoint.read_bytes()
    job.checkpoint.write_bytes(content[: len(content) // 2])
    job.checkpoint_seconds = 60
    job.train()
    assert "is damaged" in job.log.read_text() and "not used" in job.log.read_text()
    assert job.results() == undisturbed
    assert job.record()["resumes"] == 0


def test_two_at_once_and_then_the_measures(job, undisturbed, tmp_path):
    first, second = job.start(), job.start()
    assert first.wait(timeout=300) == second.wait(timeout=300) == 0
    said = job.log.read_text()
    # if they did not start seconds apart
    assert said.count("another process is at work on this run") <= 1
    assert said.count("the run is complete: nothing to do") == 1
    assert said.count("interpolated after") == 1
    assert job.results() == undisturbed
    # the checkpoint stays until the network is measured: see smoothcore/jobs/training.py
    assert job.checkpoint.exists()
    done = job.finish("measure")
    assert done.returncode == 0, done.stderr
    assert job.layout.measured(RUN).exists() and not job.checkpoint.exists()
    files = [path.name for path in tmp_path.rglob("*") if path.is_file()]
    assert not [name for name in files if name.startswith(".tmp")]


def test_a_waiting_process_can_be_stopped(job):
    job.recipe = ENDLESS
    first = job.start()
    wait_until(lambda: job.saved() > 0)
    second = job.start()
    wait_until(lambda: "another process is at work" in job.log.read_text())
    second.terminate()
    assert second.wait(timeout=10) != 0
    first.kill()
    first.wait()


MISTAKES = {
    "no data file": ({"data": "/nowhere/d.npz"}, {}, "/nowhere/d.npz does not exist"),
    "a size that is too large": ({}, {"run.size": 100_000}, "size must be even, from 2 to 240"),
    "an unknown regularizer": (
        {},
        {"run.regularizer": "L2", "run.lambda": 1.0},
        "unknown regularizer 'L2': one of GN, FPL, GPL",
    ),
    "a λ without a regularizer": (
        {},
        {"run.lambda": 1.0},
        "run: λ = 1.0 does not fit regularizer 'none'",
    ),
    "settings that are no JSON": ({"settings": "{"}, {}, "the settings are not JSON"),
    "settings without a part": ({"settings": "{}"}, {}, "run: missing"),
    "an unknown engine": (
        {},
        {"recipe.engine": "warp"},
        "recipe: no engine 'warp': one of sparse, tensorflow",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_readable_message(job, tmp_path, name):
    options, changes, words = MISTAKES[name]
    assert_refused(job.finish("train", changes, **options), words)
    assert not list(tmp_path.rglob("*.npz")) and not list(tmp_path.rglob("*.parquet"))


def assert_refused(done, words):
    assert done.returncode in (1, 2)
    assert words in done.stderr and "error: " in done.stderr
    assert "Traceback" not in done.stderr


def test_settings_are_refused_with_every_problem(job):
    changes = {
        "run.size": "32",
        "run.sede": 1,
        "run.seed": -1,
        "recipe": {"dataset": "digits", "alpha": True, "batch_size": 0},
        "colour": "red",
    }
    done = job.finish("train", changes)
    assert done.returncode == 1
    problems = done.stderr.split("error: the settings are not valid:\n")[1].splitlines()
    assert problems == [
        '  - run.size: got "32"; must be int',
        "  - run.seed: got -1; must be 0 or above 0",
        "  - run.sede: unknown key",
        "  - recipe.engine: missing",
        "  - recipe.hidden_units: missing",
        "  - recipe.alpha: got true; must be float",
        "  - recipe.batch_size: got 0; must be above 0",
        "  - recipe.epsilon: missing",
        "  - recipe.max_epochs: missing",
        "  - colour: unknown key",
    ]


def test_nothing_to_measure(job):
    assert_refused(job.finish("measure"), "lambda-0.0_lr-0.0002.npz does not exist")


def test_another_seed_does_not_overwrite_a_finished_run(job):
    """By hand, with the paths of a run that is there; whichever of its files is left."""
    job.recipe = replace(RECIPE, max_epochs=20)
    job.train()
    paths = [of(RUN) for of in (job.layout.weights, job.layout.record, job.layout.curve)]
    for path, before in [(path, path.read_bytes()) for path in paths]:
        for other in paths:
            other.unlink(missing_ok=True)
        path.write_bytes(before)
        done = job.finish("train", {"run.seed": 1})
        assert_refused(done, f"{path} holds another run")
        assert "'seed': 0" in done.stderr
        assert "Name another file, or delete this one." in done.stderr
        assert [(p, p.read_bytes()) for p in paths if p.exists()] == [(path, before)]


def test_code_that_was_edited_since_the_workflow_started_is_refused(job):
    assert_refused(job.finish("train", code="0" * 16), "the code behind none is not the one that")
    told = json.dumps({"WP": "0" * 16})
    assert_refused(job.finish("measure", code=told), "the code behind WP is not the one that")
    assert not job.layout.weights(RUN).exists()


@pytest.mark.parametrize("script", ["train", "measure"])
def test_the_help_has_an_example_that_is_accepted(job, script):
    done = subprocess.run(
        [sys.executable, "-P", "-m", f"workflow_scripts.{script}", "--help"],
        env=ENVIRONMENT, capture_output=True, text=True,
    )  # fmt: skip
    (example,) = (line.strip() for line in done.stdout.splitlines() if line.startswith("  {"))
    # its settings are in order: what is refused is that the images are of another dataset
    said = job.finish(script, settings=example)
    assert "settings are not valid" not in said.stderr
    assert ("not mnist" if script == "train" else "does not exist") in said.stderr


@pytest.mark.parametrize("engine", ENGINES)
def test_a_job_imports_no_library_that_it_does_not_use(job, engine):
    """Each of them costs time and memory, in every job."""
    job.recipe = replace(TINY, engine=engine)
    environment = ENVIRONMENT | {"PYTHONPROFILEIMPORTTIME": "1"}
    for script, unused in (("train", ("pandas.", "scipy.linalg._")), ("measure", ("pandas.",))):
        done = subprocess.run(
            job.command(script), env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        imported = {line.split()[-1] for line in done.stderr.splitlines() if "|" in line}
        assert "pyarrow" in imported
        assert [name for name in imported if name.startswith(unused)] == []


def test_a_file_where_the_folder_should_be(job, tmp_path):
    job.recipe = TINY
    (tmp_path / "run" / "weights").write_text("in the way")
    done = job.finish()
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "error: cannot write" in done.stderr
    assert "a file is where its folder should be" in done.stderr


def test_no_checkpoint_can_be_saved_and_training_goes_on(job, undisturbed):
    """Neither the checkpoint nor the weights fit under the limit of the file size."""
    done = subprocess.run(
        ["bash", "-c", 'ulimit -f 1; "$@" 2>&1 | cat', "-", *job.command()],
        env=ENVIRONMENT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert "no checkpoint was saved, training goes on: cannot write" in done.stdout
    assert "Traceback" not in done.stdout
    assert "error: cannot write" in done.stdout  # the weights do not fit either
    assert not job.layout.weights(RUN).exists() and not job.checkpoint.exists()
    job.train()
    assert job.results() == undisturbed
