"""The files of a run say whose they are, and are refused under another's name."""

import json

import numpy as np
import pyarrow as pa
import pytest

from smoothcore.errors import DamagedFileError
from smoothcore.files import records, schemas
from smoothcore.files.paths import Layout
from smoothcore.files.storage import write_parquet
from smoothcore.measures import Measurement
from smoothcore.network.two_layer import initialize
from smoothcore.study.grid import COORDINATES
from smoothcore.study.run import Run
from smoothcore.training.checkpoint import TrainingState
from smoothcore.training.loop import Outcome
from smoothcore.training.recipe import Recipe
from smoothcore.workflow.collecting import collect, missing_cells, present_cells, runs_of

RUN = Run("4-9", 64, 1, "FPL", 3.2e-4, 0.1)
OTHER = Run("4-9", 64, 1, "FPL", 3.2e-3, 0.1)
RECIPE = Recipe("digits", "sparse", 4, 0.01, 16, 1e-5, 100, 10)


def outcome(status="interpolated", curve=(1, 2, 3), epoch=3):
    state = TrainingState(
        network=initialize(8, 4, 0.1, np.random.default_rng(0)),
        epoch=epoch,
        running_loss=9e-6,
        curve_epochs=list(curve),
        curve_losses=[1.0 / e for e in curve],
        seconds=1.5,
        resumes=2,
    )
    return Outcome(state, status, 8e-6, 12)


def write_record(path, run=RUN, result=None):
    records.write_record(
        path, run, RECIPE, result or outcome(), d=8, test_loss=0.125, versions={"numpy": "2"}
    )


def identity(run):
    return json.dumps({"run": run.coordinates, "recipe": 1})


def test_a_record_has_every_column(tmp_path):
    write_record(tmp_path / "r.parquet")
    table = records.read_run_table(tmp_path / "r.parquet", RUN, schemas.RUNS)
    assert table.schema.equals(schemas.RUNS)
    assert table.to_pylist() == [
        {
            "pair": "4-9", "size": 64, "seed": 1, "regularizer": "FPL", "lambda": 3.2e-4,
            "learning_rate": 0.1, "status": "interpolated", "interpolates": True, "epochs": 3,
            "steps": 12, "running_loss": 9e-6, "training_loss": 8e-6, "test_loss": 0.125,
            "seconds": 1.5, "resumes": 2, "d": 8, "dataset": "digits", "engine": "sparse",
            "hidden_units": 4, "alpha": 0.01, "batch_size": 16, "epsilon": 1e-5, "max_epochs": 100,
            "grid_points": 10, "versions": '{"numpy": "2"}',
        }
    ]  # fmt: skip


@pytest.mark.parametrize("status", ["max_epochs", "diverged"])
def test_a_run_that_does_not_interpolate_is_recorded_as_such(tmp_path, status):
    write_record(tmp_path / "r.parquet", result=outcome(status))
    row = records.read_run_table(tmp_path / "r.parquet", RUN, schemas.RUNS).to_pylist()[0]
    assert (row["status"], row["interpolates"]) == (status, False)


def test_the_last_epoch_is_in_the_curve(tmp_path):
    records.write_curve(tmp_path / "c.parquet", RUN, outcome(curve=(1, 2), epoch=3))
    table = records.read_run_table(tmp_path / "c.parquet", RUN, schemas.CURVES)
    assert table["epoch"].to_pylist() == [1, 2, 3]
    assert table["running_loss"].to_pylist() == [1.0, 0.5, 9e-6]


def test_partition_keys_are_not_in_the_files(tmp_path):
    """Readers of a hive-partitioned folder take them from its names."""
    write_record(tmp_path / "r.parquet")
    inside = pa.parquet.read_schema(tmp_path / "r.parquet").names
    assert inside[:2] == ["lambda", "learning_rate"] and not {"pair", "seed"} & set(inside)


def test_a_table_of_another_run_is_refused(tmp_path):
    path = tmp_path / "r.parquet"
    write_record(path, OTHER)
    with pytest.raises(DamagedFileError, match=r"r\.parquet belongs to another run.*0\.0032.*rm "):
        records.read_run_table(path, RUN, schemas.RUNS)


def test_a_table_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "r.parquet"
    records.write_curve(path, RUN, outcome())
    with pytest.raises(DamagedFileError, match="not a table of this version"):
        records.read_run_table(path, RUN, schemas.RUNS)
    write_parquet(path, pa.table({"x": [1]}))
    with pytest.raises(DamagedFileError, match="belongs to another run"):
        records.read_run_table(path, RUN, schemas.RUNS)


def test_weights_of_another_run_are_refused(tmp_path):
    path, network = tmp_path / "w.npz", outcome().state.network
    records.write_weights(path, network, identity(OTHER))
    with pytest.raises(DamagedFileError, match=r"w\.npz belongs to another run.*rm "):
        records.read_weights(path, RUN)
    for found in (records.read_weights(path), records.read_weights(path, OTHER)):
        assert np.array_equal(found.W, network.W) and np.array_equal(found.v, network.v)


@pytest.mark.parametrize(
    "damage",
    [
        {"identity": np.array("no JSON")},
        {"identity": np.array("[]")},
        {"W": np.zeros(3, np.float32)},
        {"c": np.array("x")},
    ],
)
def test_an_npz_that_is_no_network_is_refused(tmp_path, damage):
    network = outcome().state.network
    arrays = {name: getattr(network, name) for name in ("W", "beta", "v", "c")}
    np.savez(tmp_path / "w.npz", **{**arrays, "identity": np.array(identity(RUN)), **damage})
    with pytest.raises(DamagedFileError, match=r"w\.npz is damaged"):
        records.read_weights(tmp_path / "w.npz")


def test_a_run_is_complete_with_all_three_files(tmp_path):
    paths = {name: tmp_path / f"{name}.x" for name in ("weights", "record", "curve")}

    def write_all():
        write_record(paths["record"])
        records.write_curve(paths["curve"], RUN, outcome())
        records.write_weights(paths["weights"], outcome().state.network, identity(RUN))

    assert not records.is_complete(RUN, identity(RUN), **paths)
    write_all()
    assert records.is_complete(RUN, identity(RUN), **paths)
    assert not records.is_complete(RUN, identity(OTHER), **paths)
    for path in paths.values():
        write_all()
        content = bytearray(path.read_bytes())
        path.write_bytes(content[:-10])
        assert not records.is_complete(RUN, identity(RUN), **paths)
        path.unlink()
        assert not records.is_complete(RUN, identity(RUN), **paths)


def test_collecting_keeps_the_order_and_counts_what_is_missing(tmp_path):
    layout = Layout(tmp_path / "results" / "x")
    for run, value in ((OTHER, 2.0), (RUN, 1.0)):
        records.write_measures(
            layout.measured(run),
            run,
            [Measurement("GN", "sampled", value, 0.1, 50)],
            interpolates=True,
        )
    table = collect([RUN, OTHER], layout.measured, schemas.MEASURES)
    assert table["value"].to_pylist() == [1.0, 2.0] and table.schema.equals(schemas.MEASURES)
    before = present_cells(layout, [RUN, OTHER])
    for run in (RUN, OTHER):
        write_record(layout.record(run), run)
    assert missing_cells(layout, [RUN, OTHER]) == "all 2 cells are there"
    layout.measured(OTHER).unlink()
    assert present_cells(layout, [RUN, OTHER]) != before
    assert missing_cells(layout, [RUN, OTHER]) == "1 of 2 cells is missing"
    with pytest.raises(DamagedFileError, match=r"1 of 2 cells are missing.*snakemake partial"):
        collect([RUN, OTHER], layout.measured, schemas.MEASURES)
    table = collect([RUN, OTHER], layout.measured, schemas.MEASURES, allow_missing=True)
    assert table["value"].to_pylist() == [1.0]
    assert collect([OTHER], layout.measured, schemas.MEASURES, allow_missing=True).num_rows == 0


def test_runs_of_a_grid(tmp_path):
    grid = pa.Table.from_pylist([RUN.coordinates, OTHER.coordinates]).to_pandas()
    assert runs_of(grid[[*COORDINATES]]) == [RUN, OTHER]
