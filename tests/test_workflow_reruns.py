"""What a change reruns: everything it can change, and nothing else. Through the real snakemake."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.workflow import PER_PAIR, RUNS, Workflow, changes_said, planned, runs_planned

pytestmark = pytest.mark.workflow

#: what hangs on the runs: a figure or table more is none of this file's business
LATER = ("collect", "make_tables")


def of_runs(jobs: dict[str, int]) -> tuple[int, int]:
    """Return how many runs are trained and how many are measured."""
    return jobs.get("train", 0), jobs.get("measure", 0)


def change(config, path, value):
    *folders, name = path.split(".")
    for folder in folders:
        config = config.setdefault(folder, {})
    config[name] = value


NEW_RUNS = {
    "a pair": ({"pairs": ["0-1", "3-5", "4-9"]}, PER_PAIR),
    "a size": ({"monotonicity.sizes": [16, 32, 64]}, 2),
    "a seed": ({"monotonicity.seeds": [0, 1]}, 4),
    "a λ": ({"optimality.regularizers.GN.lambda": [1e-4, 2e-4]}, 2),
    "a regularizer": (
        {"optimality.regularizers.WP": {"lambda": [1e-5], "learning_rate": 0.005}},
        2,
    ),
    "another learning rate, with its λ = 0": (
        {"optimality.regularizers.GN.learning_rate": 0.05},
        4,
    ),
}


@pytest.mark.parametrize("name", NEW_RUNS)
def test_what_is_new_is_computed_and_nothing_else(dry_runs, finished, name):
    _, runs = NEW_RUNS[name]
    bigger, said = dry_runs[name]
    known = set(finished.runs)
    jobs = planned(said)
    assert of_runs(jobs) == (runs, runs)
    assert all(rule in jobs for rule in ("write_grid", *LATER))
    new = [run for run in bigger.runs if run not in known]
    assert len(runs_planned(said)) == len(new) == runs
    for run in new:
        assert f"lambda-{run.lambda_}_lr-{run.learning_rate}" in said


STALE = {
    "α": ({"network.alpha": 0.2}, (RUNS, RUNS), ["training: alpha 0.1 → 0.2 (8 runs)"]),
    "ε": (
        {"training.epsilon": 2.0e-5},
        (RUNS, RUNS),
        ["training: epsilon 1e-05 → 2e-05 (8 runs)"],
    ),
    "two values swapped": (
        {"training.batch_size": 16, "network.hidden_units": 4},
        (RUNS, RUNS),
        [
            "training: batch_size 4 → 16 (8 runs)",
            "training: hidden_units 16 → 4 (8 runs)",
        ],
    ),
    "the grid points of the penalties": (
        {"optimality.grid_points": 12},
        (2, 2),  # of FPL; no other regularizer here has a grid
        ["training: grid_points 10 → 12 (2 runs)"],
    ),
    "N and n of the measures swapped": (
        {"measures.n_samples": 20, "measures.grid_points": 50},
        (0, RUNS),
        [
            "measuring: grid_points 20 → 50 (8 runs)",
            "measuring: n_samples 50 → 20 (8 runs)",
        ],
    ),
}


@pytest.mark.parametrize("name", STALE)
def test_a_changed_setting_makes_stale_what_depends_on_it_and_says_so(dry_runs, name):
    _, runs, changes = STALE[name]
    _, said = dry_runs[name]
    assert of_runs(planned(said)) == runs
    assert all(rule in planned(said) for rule in LATER)
    action = "Training" if runs[0] else "Measuring"
    stale = runs_planned(said, action)
    assert len(stale) == max(runs)
    assert stale[0].startswith("pair 0-1, size ")
    assert changes_said(said) == changes
    if name == "the grid points of the penalties":
        assert all("FPL" in run for run in stale)


@pytest.mark.parametrize("name", ["ε", "a pair"])
def test_no_line_of_a_dry_run_is_endless(dry_runs, name):
    _, said = dry_runs[name]
    assert max(map(len, said.splitlines())) < 500


SMALLER = {"fewer pairs": ({"pairs": ["3-5"]},)}


def test_a_smaller_study_computes_nothing(dry_runs):
    jobs = planned(dry_runs["fewer pairs"][1])
    assert of_runs(jobs) == (0, 0)
    assert all(rule in jobs for rule in LATER)


@pytest.fixture(scope="module")
def dry_runs(finished, tmp_path_factory):
    """The complete study with each other config: name → (study, what a dry run says)."""
    base = finished.copy_to(tmp_path_factory.mktemp("reruns") / "study")

    def dry_run(number, changes):
        study = Workflow(base.folder, config=base.config, config_name=f"{number}.yaml")
        for path, value in changes.items():
            change(study.config, path, value)
        study.write()
        return study, study.snakemake("--dry-run")

    cases = {name: case[0] for name, case in (NEW_RUNS | STALE | SMALLER).items()}
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(cases, pool.map(dry_run, range(len(cases)), cases.values()), strict=True))


def test_one_cell_deleted_file_by_file(study, finished, tmp_path):
    """The weights, the record, the curve, the measures: each alone, then the rest of the story."""
    run = study.run_at(regularizer="GN")
    words = "pair 0-1, size 32, seed 0, GN λ = 0.0001, learning rate 0.005"

    def dry_run_without(kind):
        copy = study.copy_to(tmp_path / kind)
        getattr(copy.layout, kind)(run).unlink()
        return copy.snakemake("--dry-run")

    kinds = ("weights", "record", "curve", "measured")
    with ThreadPoolExecutor(2) as pool:
        said_without = dict(zip(kinds, pool.map(dry_run_without, kinds), strict=True))
    for kind, said in said_without.items():
        runs = (0, 1) if kind == "measured" else (1, 1)
        assert of_runs(planned(said)) == runs, kind
        assert "write_grid" not in planned(said) and "prepare_data" not in planned(said)
        assert runs_planned(said, "Measuring") == [words]
        assert runs_planned(said) == [words] * runs[0]
    study.layout.record(run).unlink()
    before = study.layout.weights(study.run_at()).stat().st_mtime_ns
    study.snakemake(*study.targets)
    assert study.comparable() == finished.comparable()
    assert study.layout.weights(study.run_at()).stat().st_mtime_ns == before


def test_dates_mean_nothing(study):
    """Every file touched in no order, as a copy without its dates would look."""
    files = sorted(path for path in study.results.rglob("*") if path.is_file())
    for position, path in enumerate(sorted(files, key=lambda path: str(path)[::-1])):
        os.utime(path, (1.7e9 + position, 1.7e9 + position))
    assert study.planned() == {}
    os.utime(study.layout.data("digits"))
    for run in study.runs:
        os.utime(study.layout.weights(run))
    os.utime(study.config_file)
    assert study.planned() == {}


def test_the_images_made_anew_train_nothing(study):
    said = study.snakemake("--until=prepare_data", "--forcerun=prepare_data")
    assert planned(said) == {"prepare_data": 1}
    assert study.planned() == {}
