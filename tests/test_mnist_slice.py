"""A small slice of the study on the real MNIST, through the real workflow."""

import pandas as pd
import pytest

from smoothcore.datasets import mnist
from smoothcore.measures import all_estimates
from tests.workflow import Workflow

pytestmark = [pytest.mark.mnist, pytest.mark.workflow]

CONFIG = {
    "name": "mnist-slice",
    "pairs": ["0-1"],
    "monotonicity": {"sizes": [64, 128, 256], "seeds": [0]},
    "optimality": {
        "size": 128,
        "regularizers": {
            "GN": {"lambda": [1.0e-3]},
            "WP": {"lambda": [3.0e-5]},
            "FPL": {"lambda": [3.2e-3]},
            "GPL": {"lambda": [3.2e-4]},
        },
    },
}


def test_a_slice_of_the_study(tmp_path, monkeypatch, mnist_folder):
    monkeypatch.setenv(mnist.DIRECTORY_VARIABLE, str(mnist_folder))
    slice_ = Workflow(tmp_path, config=CONFIG)
    slice_.snakemake("results/mnist-slice/table2.csv")

    runs = pd.read_parquet(slice_.results / "runs")
    # size 128 without a penalty at learning rate 0.01 serves both experiments
    assert len(runs) == 3 + 4 + 1
    assert runs["interpolates"].all()
    assert (runs["training_loss"] < 1e-5).all()
    # the targets are ±1: a model that had learned nothing would have a test loss of 1
    assert runs["test_loss"].max() < 0.2

    measures = pd.read_parquet(slice_.results / "measures")
    measures = measures[measures["main"]]
    assert len(measures) == len(all_estimates()) * len(runs)
    table = measures[measures["interpolates"]].set_index(["measure", "estimator"])
    value = table.groupby(level=[0, 1])["value"]
    # GPL ≤ WP, and a grid misses variation but never adds any
    assert value.min()["GPL", "sampled"] > 0
    per_run = table.set_index(["size", "regularizer", "lambda", "learning_rate"], append=True)
    wide = per_run["value"].unstack([0, 1])
    assert (wide["GPL", "sampled"] <= wide["GPL", "exact"] * (1 + 1e-9)).all()
    assert (wide["FPL", "sampled"] <= wide["FPL", "exact"] * (1 + 1e-9)).all()
    assert (wide["GPL", "exact"] <= wide["WP", "exact"]).all()

    # the second-order measures grow with the training set; each penalty lowers its own measure
    taus = pd.read_csv(slice_.results / "table1.csv").set_index(["measure", "estimator"])["mean"]
    assert taus["WP", "exact"] == taus["GPL", "exact"] == 1
    table2 = pd.read_csv(slice_.results / "table2.csv")
    assert (table2["n_matched"] == 1).all()
    assert (table2["r_norm_mean"] < 1).all()
