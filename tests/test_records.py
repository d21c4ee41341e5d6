"""The files of a run say whose they are, and are refused under another's name."""

import json
from dataclasses import asdict

import numpy as np
import pyarrow as pa
import pytest

from smoothcore.errors import DamagedFileError, SettingsError
from smoothcore.files import records, schemas
from smoothcore.files.storage import write_parquet
from smoothcore.network.two_layer import initialize
from smoothcore.study.run import Run
from smoothcore.training.checkpoint import TrainingState
from smoothcore.training.loop import Outcome
from smoothcore.training.recipe import Recipe

RUN = Run("4-9", 64, 1, "FPL", 3.2e-4, 0.1)
OTHER = Run("4-9", 64, 1, "FPL", 3.2e-3, 0.1)
RECIPE = Recipe("digits", "sparse", 4, 0.01, 16, 1e-5, 100, 10)
MADE_BY = {
    "versions": '{"numpy": "2"}',
    "processor": "a chip",
    "code": "c0de",
    "data_sha256": "da7a",
    "weights_sha256": "3e16",
}


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
        path, run, RECIPE, result or outcome(), d=8, test_loss=0.125, made_by=MADE_BY
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
            "grid_points": 10, "versions": '{"numpy": "2"}', "processor": "a chip", "code": "c0de",
            "data_sha256": "da7a", "weights_sha256": "3e16",
        }
    ]  # fmt: skip


@pytest.mark.parametrize("status", ["max_epochs", "diverged"])
def test_a_run_that_does_not_interpolate_is_recorded_as_such(tmp_path, status):
    write_record(tmp_path / "r.parquet", result=outcome(status))
    row = records.read_run_table(tmp_path / "r.parquet", RUN, schemas.RUNS).to_pylist()[0]
    assert (row["status"], row["interpolates"]) == (status, False)


def test_the_last_epoch_is_in_the_curve(tmp_path):
    records.write_curve(tmp_path / "c.parquet", RUN, RECIPE, outcome(curve=(1, 2), epoch=3))
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
    records.write_curve(path, RUN, RECIPE, outcome())
    with pytest.raises(DamagedFileError, match="not a table of this version"):
        records.read_run_table(path, RUN, schemas.RUNS)
    write_parquet(path, pa.table({"x": [1]}))
    with pytest.raises(DamagedFileError, match="belongs to another run"):
        records.read_run_table(path, RUN, schemas.RUNS)


def test_damage_in_what_a_table_says_of_itself_is_named(tmp_path):
    """Parquet has no checksum of its metadata, which the schema of Arrow repeats in base 64."""
    path, damaged = tmp_path / "r.parquet", 0
    write_record(path)
    whole = path.read_bytes()
    for position in range(whole.index(b"ARROW:schema"), len(whole), 5):
        content = bytearray(whole)
        content[position] ^= 1 << (position % 8)
        path.write_bytes(content)
        for read in (records.about, lambda path: records.read_run_table(path, RUN, schemas.RUNS)):
            try:
                read(path)
            except DamagedFileError as error:
                assert str(path) in str(error)
                damaged += "DecodeError" in str(error)
    assert damaged > 5


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
        records.write_curve(paths["curve"], RUN, RECIPE, outcome())
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


def test_a_table_of_other_settings_is_refused(tmp_path):
    """Every setting that differs is named, with what it is and what it should be."""
    path = tmp_path / "r.parquet"
    write_record(path)
    recipe = asdict(RECIPE)
    assert records.read_run_table(path, RUN, schemas.RUNS, {"recipe": recipe}).num_rows == 1
    other = {"recipe": recipe | {"hidden_units": 128, "epsilon": 1e-3}}
    with pytest.raises(records.OtherSettingsError) as caught:
        records.read_run_table(path, RUN, schemas.RUNS, other)
    assert str(caught.value) == (
        f"{path} was made with recipe.hidden_units = 4, not 128, recipe.epsilon = 1e-05, not 0.001"
    )


@pytest.mark.parametrize("kind", ["weights", "record", "curve"])
def test_another_run_is_not_overwritten(tmp_path, kind):
    path = tmp_path / ("x.npz" if kind == "weights" else "x.parquet")
    records.refuse_other_run(RUN, path)  # nothing there
    if kind == "weights":
        records.write_weights(path, outcome().state.network, identity(OTHER))
    elif kind == "record":
        write_record(path, OTHER)
    else:
        records.write_curve(path, OTHER, RECIPE, outcome())
    records.refuse_other_run(OTHER, path)
    with pytest.raises(SettingsError, match=r"x\.\w+ holds another run .*0\.0032.*not overwritten"):
        records.refuse_other_run(RUN, path)
    path.write_bytes(path.read_bytes()[:-20])  # damaged: nothing to keep
    records.refuse_other_run(RUN, path)


def test_a_setting_that_a_file_does_not_state_is_a_difference():
    assert records.difference({"a": 1}, {"a": 1, "b": 2}) == "b = None, not 2"
