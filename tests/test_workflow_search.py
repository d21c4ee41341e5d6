"""The search for the edge of interpolation, start by start. Through the real snakemake."""

import shutil

import pandas as pd
import pytest

from tests.workflow import CONFIG, Workflow, runs_planned

pytestmark = pytest.mark.workflow


def test_each_start_goes_one_step_on_and_trains_nothing_twice(tmp_path):
    study = Workflow(
        tmp_path,
        config=CONFIG
        | {
            "name": "search",
            "pairs": ["0-1"],
            "training": {"batch_size": 16, "epsilon": 1e-3, "max_epochs": 5000},
            "monotonicity": None,
            "optimality": {
                "size": 32,
                "regularizers": {
                    **dict.fromkeys(("GN", "FPL", "GPL", "GPL-exact")),
                    "WP": {"lambda": [1e-3], "learning_rate": 0.1},
                },
                "search": {"factor": 100, "max_steps": 5},
            },
        },
    )
    target = "results/search/edge.csv"
    goes_on = "the search goes on with WP: run the same command again"
    ladder = [1e-3, 0.1]
    for lambda_ in ladder:
        # as in a copy of the study; the table of runs has to grow all the same
        shutil.rmtree(tmp_path / ".snakemake", ignore_errors=True)
        said = study.snakemake(target)
        assert (goes_on in said) == (lambda_ < ladder[-1])
        trained = [run for run in runs_planned(said) if "WP" in run]
        assert trained == [f"pair 0-1, size 32, seed 0, WP λ = {lambda_}, learning rate 0.1"]
    assert pd.read_csv(study.folder / target)["lambda"].tolist() == ladder
    assert "Nothing to be done" in study.snakemake(target)
