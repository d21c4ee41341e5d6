"""What a change reruns: everything it can change, and nothing else. Through the real snakemake."""

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.workflow import CELLS, PER_PAIR, REPOSITORY, Workflow, cells_planned, planned

pytestmark = pytest.mark.workflow

#: what hangs on the cells: a figure or table more is none of this file's business
LATER = ("collect", "make_tables")


def of_cells(jobs: dict[str, int]) -> tuple[int, int]:
    """Return how many cells are trained and how many are measured."""
    return jobs.get("train", 0), jobs.get("measure", 0)


def change(config, path, value):
    *folders, name = path.split(".")
    for folder in folders:
        config = config.setdefault(folder, {})
    config[name] = value


NEW_CELLS = {
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


@pytest.mark.parametrize("name", NEW_CELLS)
def test_what_is_new_is_computed_and_nothing_else(dry_runs, finished, name):
    _, cells = NEW_CELLS[name]
    bigger, said = dry_runs[name]
    known = set(finished.runs)
    jobs = planned(said)
    assert of_cells(jobs) == (cells, cells)
    assert all(rule in jobs for rule in ("write_grid", *LATER))
    new = [run for run in bigger.runs if run not in known]
    assert len(cells_planned(said)) == len(new) == cells
    for run in new:
        assert f"lambda-{run.lambda_}_lr-{run.learning_rate}" in said


STALE = {
    "α": ({"network.alpha": 0.2}, (CELLS, CELLS), '"alpha": 0.2'),
    "ε": ({"training.epsilon": 2.0e-5}, (CELLS, CELLS), '"epsilon": 2e-05'),
    "the batch size": ({"training.batch_size": 8}, (CELLS, CELLS), '"batch_size": 8'),
    "two values swapped": (
        {"training.batch_size": 16, "network.hidden_units": 4},
        (CELLS, CELLS),
        '"batch_size": 16',
    ),
    "the grid points of the penalties": (
        {"optimality.grid_points": 12},
        (2, 2),  # of FPL and sampled GPL only
        '"grid_points": 12',
    ),
    "N and n of the measures swapped": (
        {"measures.n_samples": 20, "measures.grid_points": 50},
        (0, CELLS),
        "--n-samples 20 --grid-points 50",
    ),
}


@pytest.mark.parametrize("name", STALE)
def test_a_changed_setting_makes_stale_what_depends_on_it_and_says_so(dry_runs, name):
    _, cells, words = STALE[name]
    _, said = dry_runs[name]
    assert of_cells(planned(said)) == cells
    assert all(rule in planned(said) for rule in LATER)
    action = "Training" if cells[0] else "Measuring"
    stale = cells_planned(said, action)
    assert len(stale) == max(cells)
    assert stale[0].startswith("pair 0-1, size ")
    # the reason, in words: what it was and what it is
    assert "Params have changed since last execution" in said
    assert words in said
    if name == "the grid points of the penalties":
        assert all("FPL" in cell for cell in stale)


SMALLER = {"fewer pairs": ({"pairs": ["3-5"]},)}


def test_a_smaller_study_computes_nothing(dry_runs):
    jobs = planned(dry_runs["fewer pairs"][1])
    assert of_cells(jobs) == (0, 0)
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

    cases = {name: case[0] for name, case in (NEW_CELLS | STALE | SMALLER).items()}
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(cases, pool.map(dry_run, range(len(cases)), cases.values()), strict=True))


def test_one_cell_deleted_file_by_file(study, finished, tmp_path):
    """The weights, the record, the curve, the measures: each alone, then the rest of the story."""
    run = study.run_at(regularizer="GN")
    cell = "pair 0-1, size 32, seed 0, GN λ = 0.0001, learning rate 0.005"

    def dry_run_without(kind):
        copy = study.copy_to(tmp_path / kind)
        getattr(copy.layout, kind)(run).unlink()
        return copy.snakemake("--dry-run")

    kinds = ("weights", "record", "curve", "measured")
    with ThreadPoolExecutor(2) as pool:
        said_without = dict(zip(kinds, pool.map(dry_run_without, kinds), strict=True))
    for kind, said in said_without.items():
        cells = (0, 1) if kind == "measured" else (1, 1)
        assert of_cells(planned(said)) == cells, kind
        assert "write_grid" not in planned(said) and "prepare_data" not in planned(said)
        assert cells_planned(said, "Measuring") == [cell]
        assert cells_planned(said) == [cell] * cells[0]
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


@pytest.fixture(scope="module")
def edited(finished, tmp_path_factory):
    """The complete study after each edit of a copy of the repository: name → dry run."""
    folder = tmp_path_factory.mktemp("edits")
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.skip("the repository is not a git checkout: its files cannot be told from others")
    files = [name for name in done.stdout.split("\0") if (REPOSITORY / name).is_file()]
    base = finished.copy_to(folder / "study")

    def dry_run(number, path, edit):
        repository = folder / str(number)
        for name in files:
            (repository / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(REPOSITORY / name, repository / name)
        text = (repository / path).read_text()
        assert edit(text) != text or edit is unchanged
        (repository / path).write_text(edit(text))
        study = Workflow(base.folder, repository, base.config, f"{number}.yaml")
        return study.snakemake("--dry-run")

    paths, edits = ([case[i] for case in EDITS.values()] for i in (0, 1))
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(EDITS, pool.map(dry_run, range(len(EDITS)), paths, edits), strict=True))


def unchanged(text: str) -> str:
    return text


def with_a_comment(text: str) -> str:
    return text.replace("\nimport", "\n# why\nimport", 1)


def with_a_constant(text: str) -> str:
    return text + "\n\nEDITED = True\n"


EDITS = {
    "nothing": ("smoothcore/measures/all.py", unchanged, (0, 0), ()),
    "a comment": ("smoothcore/measures/all.py", with_a_comment, (0, 0), ()),
    "the measures": ("smoothcore/measures/all.py", with_a_constant, (0, CELLS), LATER),
    "the training loop": ("smoothcore/training/loop.py", with_a_constant, (CELLS, CELLS), LATER),
    "the engine in use": (
        "smoothcore/engines/sparse/engine.py",
        with_a_constant,
        (CELLS, CELLS),
        LATER,
    ),
    "the other engine": ("smoothcore/engines/tensorflow/engine.py", with_a_constant, (0, 0), ()),
    "the statistics": (
        "smoothcore/results/statistics.py",
        with_a_constant,
        (0, 0),
        ("make_tables",),
    ),
    "how tables are collected": (
        "smoothcore/workflow/collecting.py",
        with_a_constant,
        (0, 0),
        LATER,
    ),
    "how files are written": ("smoothcore/files/storage.py", with_a_constant, (0, 0), ()),
    "the look of a figure": (
        "smoothcore/results/figures.py",
        with_a_constant,
        (0, 0),
        ("make_figure2",),
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_of_the_code_reruns_what_it_can_change(edited, name):
    *_, cells, later = EDITS[name]
    jobs = planned(edited[name])
    assert of_cells(jobs) == cells
    assert all(rule in jobs for rule in later)
    if not later:
        assert jobs == {}
    if later != LATER:
        assert "collect" not in jobs
    if later == ("make_figure2",):
        assert "make_tables" not in jobs
