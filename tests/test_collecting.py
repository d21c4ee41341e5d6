"""From a file per run to one table: in order, counted, and never a mixture."""

import json
from dataclasses import asdict, replace

import numpy as np
import pyarrow as pa
import pytest

from smoothcore.errors import DamagedFileError
from smoothcore.files import records, schemas
from smoothcore.files.paths import Layout
from smoothcore.files.storage import write_parquet
from smoothcore.measures import Measurement
from smoothcore.network.two_layer import initialize
from smoothcore.study.grid import all_runs, to_table
from smoothcore.study.run import COORDINATES
from smoothcore.training.checkpoint import TrainingState
from smoothcore.training.loop import Outcome
from smoothcore.training.recipe import recipe_of
from smoothcore.workflow import collecting
from smoothcore.workflow.adoption import adopt
from smoothcore.workflow.collecting import (
    collect,
    digest_of_present_runs,
    missing_in_words,
    read_grid,
)
from smoothcore.workflow.fingerprint import measuring_code, training_code
from smoothcore.workflow.published import RESTORED
from tests.workflow import CONFIG, study_of

WHOLE = study_of(CONFIG)


def that_measures(*names):
    return WHOLE.model_copy(update={"measures": WHOLE.measures.model_copy(update={"names": names})})


STUDY = that_measures("GN")
RUNS = all_runs(STUDY)
SETTINGS = {"n_samples": 50, "grid_points": 20}


def write_record(layout, run, hidden_units=16, code=None, images=""):
    recipe = replace(recipe_of(STUDY, run), hidden_units=hidden_units)
    network = initialize(64, hidden_units, 0.1, np.random.default_rng(0))
    outcome = Outcome(
        TrainingState(network, 3, 9e-6, [3], [9e-6], 1.5, 0), "interpolated", 8e-6, 12
    )
    names = ("versions", "processor", "code", "data_sha256", "weights_sha256")
    made_by = dict.fromkeys(names, "") | {"code": code or training_code(run.regularizer, "sparse")}
    made_by["data_sha256"] = images
    records.write_record(
        layout.record(run), run, recipe, outcome, d=64, test_loss=0.1, made_by=made_by
    )
    records.write_curve(layout.curve(run), run, recipe, outcome)
    records.write_weights(layout.weights(run), network, json.dumps({"run": run.coordinates}))


def write_measures(layout, run, value=1.0, network="", code=None, **settings):
    gn = Measurement("GN", "sampled", value, 0.1, 50)
    row = asdict(gn) | {"main": gn.main, "interpolates": True}
    rows = [row | {"code": code or measuring_code("GN")}]
    made_with = {"settings": SETTINGS | settings, "network": network}
    records.write_rows(layout.measured(run), run, schemas.MEASURES, rows, **made_with)


@pytest.fixture
def layout(tmp_path):
    """A study whose runs all have a record and measures."""
    layout = Layout(tmp_path / "results" / "x")
    for number, run in enumerate(RUNS):
        write_record(layout, run)
        write_measures(layout, run, float(number))
    return layout


def test_in_the_order_of_the_runs(layout):
    runs, measures, curves = collect(layout, STUDY, RUNS[::-1])
    assert runs.schema.equals(schemas.RUNS) and measures.schema.equals(schemas.MEASURES)
    assert measures["value"].to_pylist() == [7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0, 0.0]
    for table in (runs, curves):
        assert table.select(COORDINATES).to_pylist() == [run.coordinates for run in RUNS[::-1]]


def test_a_long_curve_is_thinned_to_its_ends_and_what_lies_between():
    epochs = np.arange(1, 501)
    curve = pa.table({"epoch": epochs, "running_loss": 1 / epochs})
    thinned = collecting._thinned(curve)
    kept = thinned["epoch"].to_numpy()
    assert (kept[0], kept[-1]) == (1, 500) and 40 < len(kept) <= collecting.CURVE_POINTS
    # evenly over the logarithm: the first are all there, the last are a tenth apart
    assert list(kept[:9]) == list(range(1, 10))
    assert (np.diff(np.log(kept[9:])) < 0.16).all() and (np.diff(np.log(kept[9:])) > 0.06).all()
    assert np.array_equal(thinned["running_loss"].to_numpy(), 1 / kept)
    assert collecting._thinned(curve.slice(0, 60)).num_rows == 60


def test_which_rows_are_main_follows_from_the_measures_of_today(layout):
    """A run was measured on test and on training images; which are shown may change."""
    rows = []
    for images, network in (("test", "trained"), ("training", "trained"), ("test", "initial")):
        row = asdict(Measurement("GN", "sampled", 1.0, 0.1, 50, images, network))
        row |= {"interpolates": True, "code": measuring_code("GN"), "main": images == "training"}
        rows.append(row)
    made_with = {"settings": SETTINGS, "network": ""}
    records.write_rows(layout.measured(RUNS[0]), RUNS[0], schemas.MEASURES, rows, **made_with)
    _, measures, _ = collect(layout, STUDY, RUNS[:1])
    assert measures["main"].to_pylist() == [True, False, False]
    now = [RUNS[0].coordinates | row | {"main": row["images"] == "test"} for row in rows]
    assert measures.to_pylist() == [*now[:2], now[2] | {"main": False}]


@pytest.mark.parametrize("kind", ["measured", "record", "curve"])
def test_what_is_missing_is_counted_and_refused_or_left_out(layout, kind):
    before = digest_of_present_runs(layout, RUNS)
    assert missing_in_words(layout, RUNS) == "all 8 runs are there"
    getattr(layout, kind)(RUNS[1]).unlink()
    assert digest_of_present_runs(layout, RUNS) != before
    assert missing_in_words(layout, RUNS) == "1 of 8 runs is missing"
    with pytest.raises(DamagedFileError, match=r"1 of 8 runs is missing.*snakemake partial"):
        collect(layout, STUDY, RUNS)
    runs, measures, curves = collect(layout, STUDY, RUNS, allow_missing=True)
    # the same runs in all tables: one that is trained and not measured is in none
    assert {table.num_rows for table in (runs, measures, curves)} == {7}
    empty = collect(Layout(layout.root / "nowhere"), STUDY, RUNS, allow_missing=True)
    assert [table.num_rows for table in empty] == [0, 0, 0]


@pytest.mark.parametrize("allow_missing", [False, True])
def test_a_mixture_is_refused(layout, allow_missing):
    """Runs of another width among those of the study: every table says what it was made with."""
    for run in RUNS[:5]:
        write_record(layout, run, hidden_units=64)
    with pytest.raises(DamagedFileError) as caught:
        collect(layout, STUDY, RUNS, allow_missing=allow_missing)
    said = str(caught.value)
    assert said.startswith(
        "5 of 8 runs were not made with the settings and the code of the study:\n"
    )
    assert f"{layout.record(RUNS[0])} was made with recipe.hidden_units = 64, not 16\n" in said
    assert "and 2 more" in said and "a name of its own" in said


def test_measures_of_other_settings_are_refused(layout):
    write_measures(layout, RUNS[3], n_samples=51)
    with pytest.raises(DamagedFileError) as caught:
        collect(layout, STUDY, RUNS)
    found = f"{layout.measured(RUNS[3])} was made with settings.n_samples = 51, not 50"
    assert found in str(caught.value)


@pytest.mark.parametrize("allow_missing", [False, True])
def test_runs_of_other_code_are_refused_unless_it_was_shown_to_be_equal(layout, allow_missing):
    """Snakemake remembers none of copied or restored runs, and makes nothing for partial tables."""
    write_record(layout, RUNS[2], code="old")
    write_measures(layout, RUNS[5], code="older")
    with pytest.raises(DamagedFileError) as refused:
        collect(layout, STUDY, RUNS, allow_missing=allow_missing)
    said = str(refused.value)
    assert f"{layout.record(RUNS[2])} was trained by other code\n" in said
    assert "check-runs --adopt" in said
    adopt(layout.root, [(training_code(RUNS[2].regularizer, "sparse"), "old")], {})
    with pytest.raises(DamagedFileError) as refused:
        collect(layout, STUDY, RUNS, allow_missing=allow_missing)
    assert f"{layout.measured(RUNS[5])} has GN of other code\n" in str(refused.value)
    adopt(layout.root, [(measuring_code("GN"), "older")], {})
    collect(layout, STUDY, RUNS, allow_missing=allow_missing)


def test_measures_that_nobody_asks_for_any_more_are_left_out(layout):
    write_measures(layout, RUNS[0])
    of_run = records.read_run_table(layout.measured(RUNS[0]), RUNS[0], schemas.MEASURES).to_pylist()
    rows = [*of_run, of_run[0] | {"measure": "CR", "code": "old"}]
    made_with = {"settings": SETTINGS, "network": ""}
    records.write_rows(layout.measured(RUNS[0]), RUNS[0], schemas.MEASURES, rows, **made_with)
    assert set(collect(layout, STUDY, RUNS)[1]["measure"].to_pylist()) == {"GN"}


def test_runs_that_lack_a_measure_are_refused(layout):
    with pytest.raises(DamagedFileError, match=f"{layout.measured(RUNS[0])} lacks WP\n"):
        collect(layout, that_measures("GN", "WP"), RUNS, allow_missing=True)


def test_runs_without_weights_are_there_but_not_whole(layout):
    """The tables need none; a plain `snakemake` trains them again."""
    for run in RUNS[:3]:
        layout.weights(run).unlink()
    said = "finished without weights: 3, which `snakemake` would train again"
    assert missing_in_words(layout, RUNS) == f"all 8 runs are there; {said}"
    layout.measured(RUNS[0]).unlink()
    said = "finished without weights: 2, which `snakemake` would train again"
    assert missing_in_words(layout, RUNS) == f"1 of 8 runs is missing; {said}"


def test_measures_of_another_network_than_the_record_are_refused(layout):
    """A run was trained again and not yet measured."""
    write_measures(layout, RUNS[3], network="abc")
    with pytest.raises(DamagedFileError, match="was made with network = abc, not ") as refused:
        collect(layout, STUDY, RUNS, allow_missing=True)
    assert str(layout.measured(RUNS[3])) in str(refused.value)


def test_runs_of_a_grid(tmp_path):
    table = pa.Table.from_pandas(to_table(WHOLE), preserve_index=False)
    write_parquet(tmp_path / "grid.parquet", table, WHOLE.to_dict())
    assert read_grid(tmp_path / "grid.parquet") == (WHOLE, RUNS)


def test_runs_on_different_images_are_no_study(layout):
    write_record(layout, RUNS[1], images="others")  # of three with the pair and size
    with pytest.raises(DamagedFileError, match="were not all trained on the same images"):
        collect(layout, STUDY, RUNS)


def test_restored_runs_have_no_weights_to_miss(layout):
    for run in RUNS[:3]:
        layout.weights(run).unlink()
    restored = {"of": "", "runs": [list(run.coordinates.values()) for run in RUNS[:2]]}
    (layout.root / RESTORED).write_text(json.dumps(restored))
    assert "finished without weights: 1, which" in missing_in_words(layout, RUNS)
