"""The benchmark runs, and what it writes makes sense. Times are not judged here."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import contenders, problem, steps, worker
from benchmarks.alternating import Ratio, alternate, one_thread_environment, ratio
from smoothcore import engines
from smoothcore.datasets import load_pair
from smoothcore.regularizers import all_regularizers, load_step
from tests import engine_cases

ROOT = Path(__file__).resolve().parents[1]


def test_core_hours_of_the_grid():
    """575 million steps are expected: 0.36 ms each are 58 h."""
    every = dict.fromkeys(("none", *all_regularizers()), 0.36)
    assert steps.grid_hours(every) == pytest.approx(0.36 * 575 / 3.6, rel=0.01)
    # GN: 45 pairs, 157 steps an epoch, epochs of the published runs
    without_gn = steps.grid_hours(every | {"GN": 0.0})
    gn = 0.36e-3 * 45 * 157 * (4608 + 4848 + 6015) / 3600
    assert steps.grid_hours(every) - without_gn == pytest.approx(gn, rel=0.01)


def test_ratios_are_taken_within_rounds():
    # the machine is four times slower in the second round
    assert ratio([2.0, 8.0, 2.0], [1.0, 4.0, 1.0]) == Ratio(2.0, 2.0, 2.0)
    assert ratio([3.0], [2.0]).median == 1.5


def test_rows_compare_each_contender_with_what_its_column_says():
    """Engines over all rounds; Keras and JAX over those that they took part in, the first two."""
    names = [f"{name} {regularizer}" for name in (*steps.ENGINES, *steps.KERAS)
             for regularizer in problem.GOALS]  # fmt: skip
    with_keras = {name: [float(k + 2)] * 2 for k, name in enumerate(names)}
    with_keras |= {"sgemm": [1.0, 1.0], "jax none": [50.0, 50.0]}
    more = {name: of for name, of in with_keras.items() if name.split()[0] in steps.ENGINES}
    more["sgemm"] = [2.0, 2.0]
    times = {name: of + more.get(name, []) for name, of in with_keras.items()}
    rows = {(row["contender"], row["regularizer"]): row for row in steps._rows(times, with_keras)}
    assert len(rows) == 1 + len(names) + 1
    gn = rows["sparse", "GN"]  # 2 + 5; plain is 2
    assert gn["ms"] == 7000 and gn["over_sgemm"].median == 7 * (1 + 0.5) / 2
    assert gn["over_plain"].median == 3.5
    assert gn["keras_over"].median == 19 / 7 and gn["keras_tuned_over"].median == 25 / 7
    assert "jax_over" not in gn and rows["sparse", "none"]["jax_over"].median == 25
    assert rows["keras", "GN"]["over_sgemm"].median == 19
    assert rows["keras", "GN"]["over_plain"].median == 19 / 14


@pytest.mark.parametrize("regularizer", ["none", "GN", "FPL"])
def test_an_engine_is_timed_with_its_penalty(monkeypatch, regularizer):
    made = []
    monkeypatch.setattr(engines, "create", lambda *arguments: made.append(arguments))
    task = engine_cases.random_problem()
    assert contenders.engine(task, "sparse", regularizer).steps == 1
    name, x, y, goal, penalty = made[0]
    assert (name, goal) == ("sparse", problem.GOALS[regularizer]) and x is task.x and y is task.y
    assert penalty is load_step(regularizer, "sparse")
    assert (goal.lambda_ > 0) == (penalty is not None) == (regularizer != "none")


def test_every_task_runs_once_a_round_in_alternating_order():
    ran = []
    tasks = {name: lambda name=name: ran.append(name) or len(ran) for name in "abc"}
    assert alternate(tasks, 2) == {"a": [1, 6], "b": [2, 5], "c": [3, 4]}
    assert ran == list("abccba")


def test_workers_do_not_inherit_what_slows_blas_down(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    environment = one_thread_environment()
    assert "OPENBLAS_CORETYPE" not in environment
    assert environment["OMP_NUM_THREADS"] == "1"


def test_synthetic_pixels_are_as_sparse_as_mnist(tmp_path, monkeypatch):
    monkeypatch.setattr(problem, "mnist_folder", lambda: None)
    problem.write(tmp_path, images=640, epochs=2)
    made = problem.from_folder(tmp_path, 640)
    assert made.x.shape == (640, 784)
    assert 0.17 < np.mean(made.x != 0) < 0.21
    assert 0.65 < np.mean(np.any(made.x != 0, axis=0)) < 0.85
    assert made.network.loss(made.x, made.y) < 1.0
    assert len(load_pair(tmp_path / "mnist.npz", problem.PAIR, 2)[2]) == 2000
    with worker.Worker() as other:
        closed_forms = other.contender("contenders:closed_forms", folder=tmp_path)
        floor = other.contender("contenders:floor", (tmp_path, 640))
        assert closed_forms() > 0 and floor() > 0
        assert 30 < other.ask(worker.megabytes) < 2000 and other.ask(worker.blas)
        with pytest.raises(TypeError, match="problem"):
            other.contender("contenders:floor")


def test_quick_benchmark_writes_what_it_measured(tmp_path):
    output = tmp_path / "benchmark.json"
    result = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--only", "jobs", "--output", output],
        cwd=ROOT, text=True, capture_output=True,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "MB, all images" in result.stdout
    results = json.loads(output.read_text())
    assert results["about"]["quick"] is True
    assert results["about"]["pixels"] in ("mnist", "synthetic")
    assert [row["job"] for row in results["jobs"]] == ["sparse", "sparse, first of all"]
    for row in results["jobs"]:
        assert 0 < row["seconds"] < 300
        assert 50 < row["megabytes"] < 2000


def test_a_part_of_another_name_is_refused():
    result = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--only", "stepps"],
        cwd=ROOT, text=True, capture_output=True,
    )  # fmt: skip
    assert result.returncode == 2
    assert "choose from" in result.stderr and "Traceback" not in result.stderr
