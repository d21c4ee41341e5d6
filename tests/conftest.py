"""What several test files share."""

import os
from pathlib import Path

import pytest

from smoothcore.datasets import mnist, prepare
from smoothcore.files.locking import only_writer
from smoothcore.results import COLLECTED
from smoothcore.results.collected import Results
from tests.workflow import REPOSITORY, Workflow, without_tensorflow

#: of a person's own cluster
os.environ.pop("SNAKEMAKE_PROFILE", None)

#: the files that take minutes, longest first: begun last, one of them would keep one core waiting
LONGEST_FIRST = (
    "test_slurm.py",  # mostly waiting
    "test_workflow_damage.py",
    "test_workflow_kills.py",
    "test_mnist_slice.py",
    "test_engine_sparse.py",
    "test_published.py",
    "test_recipes.py",
    "test_workflow_edits.py",
    "test_report_in_browser.py",
    "test_workflow_places.py",
    "test_train_script.py",
    "test_tutorial.py",
    "test_benchmarks.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest; with several workers each file goes to one."""
    rank = {name: k for k, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: rank.get(item.path.name, len(rank)))


@pytest.fixture(scope="session")
def finished(tmp_path_factory, worker_id) -> Workflow:
    """The small study, complete and never disturbed. Look, don't touch: `study` is a copy.

    The first worker that asks for it makes it, for all of them, and without TensorFlow: the engine
    `sparse` does not need it.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "finished"
    with only_writer(folder), pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(without_tensorflow(folder.with_name("blocked"))), os.pathsep)
        workflow = Workflow(folder)
        if not (workflow.results / "report.html").exists():
            workflow.snakemake()
    return workflow


@pytest.fixture(scope="session")
def of_paper() -> Results:
    """The published results of the paper's study, whole or so far."""
    root = REPOSITORY / "results" / "paper"
    folder = root if (root / COLLECTED[0]).exists() else root / "partial"
    return Results(root / "grid.parquet", folder)


@pytest.fixture
def study(finished, tmp_path) -> Workflow:
    """A copy of the complete small study."""
    return finished.copy_to(tmp_path / "study")


@pytest.fixture
def empty(tmp_path) -> Workflow:
    """The small study before its first run."""
    return Workflow(tmp_path / "study")


@pytest.fixture(scope="session")
def digits(tmp_path_factory) -> Path:
    """The images of the 8 × 8 digits, prepared. Look, don't touch."""
    path = tmp_path_factory.mktemp("digits") / "digits.npz"
    prepare("digits", path)
    return path


@pytest.fixture(scope="session")
def mnist_folder() -> Path:
    """The folder with the four MNIST files, or the tests that need them are skipped."""
    root = Path(__file__).parents[1]
    named = os.environ.get(mnist.DIRECTORY_VARIABLE)
    # where a dry run or a study has downloaded them to, else beside the project
    places = [Path(named)] if named else [root / "data" / "mnist", root.parent / "shared" / "mnist"]
    for folder in places:
        if all((folder / name).is_file() for name in mnist.FILES):
            return folder
    pytest.skip(f"MNIST is not in {places[0]}; name its folder by {mnist.DIRECTORY_VARIABLE}")
