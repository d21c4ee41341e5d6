"""What a change reruns: everything it can change, and nothing else. Through the real snakemake."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.workflow import RUNS, Workflow, changes_said, in_words, planned, runs_planned

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
    "a pair, a size, a seed": (
        {
            "pairs": ["0-1", "3-5", "4-9"],
            "monotonicity.sizes": [16, 32, 64],
            "monotonicity.seeds": [0, 1],
        },
        3 * (6 + 2) - RUNS,
    ),
    "a λ, a regularizer, another learning rate with its λ = 0": (
        {
            "optimality.regularizers.GN": {"lambda": [1e-4, 2e-4], "learning_rate": 0.05},
            "optimality.regularizers.FPL.lambda": [1e-4, 2e-4],
            "optimality.regularizers.WP": {"lambda": [1e-5], "learning_rate": 0.005},
        },
        2 * (1 + 2 + 1 + 1),
    ),
}


@pytest.mark.parametrize("name", NEW_RUNS)
def test_what_is_new_is_computed_and_nothing_else(dry_runs, finished, name):
    _, runs = NEW_RUNS[name]
    bigger, said = dry_runs[name]
    jobs = planned(said)
    assert of_runs(jobs) == (runs, runs)
    assert all(rule in jobs for rule in ("write_grid", *LATER))
    assert runs_planned(said) == in_words(set(bigger.runs) - set(finished.runs))


STALE = {
    "two values swapped": (
        {"training.batch_size": 16, "network.hidden_units": 4},
        (RUNS, RUNS),
        ["training: batch_size 4 → 16 (8 runs)", "training: hidden_units 16 → 4 (8 runs)"],
    ),
    "the grid points of the penalties, N and n of the measures swapped": (
        {"optimality.grid_points": 12, "measures.n_samples": 20, "measures.grid_points": 50},
        # FPL is trained again, no other regularizer here has a grid; the six others are measured
        (2, RUNS),
        [
            "training: grid_points 10 → 12 (2 runs)",
            "measuring: grid_points 20 → 50 (6 runs)",
            "measuring: n_samples 50 → 20 (6 runs)",
        ],
    ),
}


@pytest.mark.parametrize("name", STALE)
def test_a_changed_setting_makes_stale_what_depends_on_it_and_says_so(dry_runs, name):
    _, runs, changes = STALE[name]
    _, said = dry_runs[name]
    assert of_runs(planned(said)) == runs
    assert all(rule in planned(said) for rule in LATER)
    trained = runs_planned(said)
    assert len(trained) == runs[0] and trained[0].startswith("pair 0-1, size ")
    assert sorted(changes_said(said)) == sorted(changes)
    if runs[0] < RUNS:
        assert all("FPL" in run for run in trained)


@pytest.mark.parametrize("name", ["two values swapped", "a pair, a size, a seed"])
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


def test_files_of_runs_deleted(study):
    """The weights of one, the record of another, a curve, the measures of a fourth."""
    layout, runs = study.layout, study.runs[1::2]
    for run, path_of in zip(
        runs, (layout.weights, layout.record, layout.curve, layout.measured), strict=True
    ):
        path_of(run).unlink()
    said = study.snakemake("--dry-run")
    assert of_runs(planned(said)) == (3, 4)
    assert not {"write_grid", "prepare_data"} & set(planned(said))
    assert runs_planned(said) == in_words(runs[:3])
    assert runs_planned(said, "Measuring") == in_words(runs)


def test_dates_mean_nothing(study):
    """Of the images; then of all files, in no order, as a copy without its dates would look."""
    os.utime(study.layout.data("digits"))
    os.utime(study.config_file)
    # of larger images Snakemake compares no checksum
    assert study.planned("--max-checksum-file-size", "0") == {}
    files = sorted(path for path in study.results.rglob("*") if path.is_file())
    for position, path in enumerate(sorted(files, key=lambda path: str(path)[::-1])):
        os.utime(path, (1.7e9 + position, 1.7e9 + position))
    assert study.planned() == {}
