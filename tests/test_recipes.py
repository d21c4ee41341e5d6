"""The recipes of docs/extend.md: their code blocks, applied to a copy of the project, are run."""

import re
import shutil
import sys
from pathlib import Path

import pytest

from smoothcore.files.storage import read_csv, read_parquet
from tests.workflow import REPOSITORY, Workflow, copy_folder, said_by

PAGE = (REPOSITORY / "docs" / "extend.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r'^```\w+ title="(.*?)"\n(.*?)^```$', PAGE, re.MULTILINE | re.DOTALL))
OVERLAYS = [name for name in BLOCKS if name.endswith(".yaml")]
TESTS = [name for name in BLOCKS if name.startswith("tests/")]

#: what the workflow and the tests need of the project
FILES = ("Snakefile", "config.yaml", "environment.yml", "pyproject.toml")
FOLDERS = ("smoothcore", "workflow_scripts", "rules", "report", "profiles", "tests")

#: small enough to be run in seconds: one pair, two runs and those that the recipes add
CONFIG = {
    "name": "below",
    "dataset": "digits",
    "pairs": ["0-1"],
    "network": {"hidden_units": 16, "alpha": 0.1},
    "training": {"batch_size": 8, "max_epochs": 200},
    "monotonicity": {"sizes": [16, 32], "seeds": [0], "learning_rate": 0.01},
    "optimality": {"size": 32, "regularizers": dict.fromkeys(["GN", "WP", "FPL", "GPL"])},
    "measures": {"n_samples": 20, "grid_points": 10},
}


@pytest.fixture(scope="module")
def extended(tmp_path_factory) -> Path:
    """A copy of the project to which the three recipes were applied."""
    copy = tmp_path_factory.mktemp("extended")
    for part in (*FILES, *FOLDERS):
        copied = copy_folder if part in FOLDERS else shutil.copy
        copied(REPOSITORY / part, copy / part)
    for name, text in BLOCKS.items():
        assert not (copy / name).exists(), f"{name} is no new file"
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_text(text, encoding="utf-8")
    return copy


@pytest.fixture(scope="module")
def study(extended, tmp_path_factory) -> Workflow:
    """A small study with the new dataset, the new regularizer and the new measure."""
    workflow = Workflow(tmp_path_factory.mktemp("recipes"), extended, CONFIG)
    command = workflow.command()
    at = command.index(str(workflow.config_file)) + 1
    command[at:at] = [str(extended / name) for name in OVERLAYS]
    said_by(command)
    workflow.config["name"] = "coarse"  # of the last overlay
    return workflow


def test_the_page_has_three_recipes():
    assert OVERLAYS == ["measure.yaml", "regularizer.yaml", "dataset.yaml"]
    assert len(TESTS) == 3


@pytest.mark.tensorflow
def test_the_tests_of_the_recipes_pass(extended):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS]
    assert "4 passed" in said_by(command, cwd=extended)


@pytest.mark.workflow
def test_the_new_dataset_is_trained_on(study):
    runs = read_parquet(study.results / "runs.parquet").to_pandas()
    assert set(runs["dataset"]) == {"coarse"} and set(runs["d"]) == {16}


@pytest.mark.workflow
def test_the_new_measure_is_in_tables_figures_and_report(study):
    measures = read_parquet(study.results / "measures.parquet").to_pandas()
    of = measures[measures["measure"] == "MG"]
    assert set(of["network"]) == {"trained", "initial"}
    assert set(of["images"]) == {"test", "training"}
    assert (of["value"] > 0).all()
    assert "MG" in set(read_csv(study.results / "table1.csv")["measure"])
    assert "median gradient" in (study.results / "report.html").read_text(encoding="utf-8")


@pytest.mark.workflow
def test_the_new_regularizer_is_in_tables_figures_and_report(study):
    runs = read_parquet(study.results / "runs.parquet").to_pandas()
    assert sorted(runs.loc[runs["regularizer"] == "WD", "lambda"]) == [1e-5, 1e-4]
    edge = read_csv(study.results / "edge.csv")
    assert set(edge.loc[edge["regularizer"] == "WD", "measure"]) == {"WP"}
    assert "WD" in (study.results / "figure2.svg").read_text(encoding="utf-8")
    assert "WD" in (study.results / "report.html").read_text(encoding="utf-8")
