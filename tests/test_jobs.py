"""What a job of training or measuring does with what is there already, and what it hands on."""

import json
from dataclasses import replace

import numpy as np
import pytest

from smoothcore.datasets import load_pair
from smoothcore.errors import InterruptedRunError, SettingsError
from smoothcore.files import schemas
from smoothcore.files.paths import Layout
from smoothcore.files.records import read_run_table, read_weights
from smoothcore.files.storage import read_npz, write_npz
from smoothcore.jobs import evaluation, measuring, training
from smoothcore.jobs.measuring import MeasuringFiles, measure_and_write
from smoothcore.jobs.settings import MeasuringSettings
from smoothcore.jobs.training import TrainingFiles, train_run
from smoothcore.measures import draw_evaluation_points, measure
from smoothcore.network.seeds import generator, stream
from smoothcore.network.two_layer import initialize
from smoothcore.study.run import Run
from smoothcore.training.checkpoint import TrainingState
from smoothcore.training.recipe import Recipe

RUN = Run("3-5", 32, 7, "none", 0.0, 0.05)
RECIPE = Recipe("digits", "sparse", 16, 0.1, 4, 1e-9, 5)
SETTINGS = MeasuringSettings(n_samples=9, grid_points=7)
CODE = {"GN": "gn", "GPL": "gpl", "WP": "wp"}


class Jobs:
    """The jobs of one run in a folder of their own."""

    def __init__(self, folder, images):
        self.layout, self.images = Layout(folder), images

    def train(self, recipe=RECIPE, code="code"):
        of = self.layout
        paths = {"record": of.record(RUN), "curve": of.curve(RUN)}
        files = TrainingFiles(self.images, of.weights(RUN), **paths, checkpoint=of.checkpoint(RUN))
        train_run(RUN, recipe, code, files)

    def measure(self, settings=SETTINGS, code=CODE):
        of = self.layout
        paths = {"weights": of.weights(RUN), "record": of.record(RUN), "output": of.measured(RUN)}
        files = MeasuringFiles(self.images, **paths, checkpoint=of.checkpoint(RUN))
        measure_and_write(RUN, RECIPE, settings, code, files)
        return read_run_table(of.measured(RUN), RUN, schemas.MEASURES).to_pandas()


@pytest.fixture
def jobs(tmp_path, digits):
    """A run that is trained and not measured."""
    made = Jobs(tmp_path / "trained", digits)
    made.train()
    return made


def values_of(table, network, on):
    of = table[(table["network"] == network) & (table["images"] == on)]
    return dict(zip(zip(of["measure"], of["estimator"], strict=True), of["value"], strict=True))


def test_what_is_measured(jobs):
    """On the points of the pair, or of its training images, n grid points, N samples."""
    table = jobs.measure()
    x, _, x_test, _ = load_pair(jobs.images, "3-5", 32)
    where = {"dataset": "digits", "pair": "3-5"}
    points = {
        "test": draw_evaluation_points(x_test, 9, generator(stream("evaluation", **where))),
        "training": draw_evaluation_points(
            x, 9, generator(stream("evaluation", **where, training_size=32))
        ),
    }
    run = {"pair": "3-5", "size": 32, "seed": 7, "regularizer": "none", "lambda": 0.0}
    rng = generator(stream("initialisation", dataset="digits", **run, learning_rate=0.05))
    networks = {
        "trained": read_weights(jobs.layout.weights(RUN)),
        "initial": initialize(64, 16, 0.1, rng),
    }
    for name, network in networks.items():
        for on, evaluation_points in points.items():
            expected = {
                (m.measure, m.estimator): m.value
                for m in measure(network, evaluation_points, 7, ["GN", "GPL"])
            }
            assert values_of(table, name, on) == pytest.approx(expected, rel=1e-9)
        wp = np.abs(network.v) @ np.linalg.norm(network.W.astype(np.float64), axis=0)
        assert values_of(table, name, "none") == {("WP", "exact"): pytest.approx(wp, rel=1e-6)}


def test_measures_say_whether_their_run_interpolates(jobs, tmp_path, digits):
    assert not jobs.measure()["interpolates"].any()
    other = Jobs(tmp_path / "interpolating", digits)
    other.train(replace(RECIPE, epsilon=10.0))
    assert other.measure()["interpolates"].all()


@pytest.fixture
def computed(monkeypatch):
    """The names of the measures that were computed, job by job."""
    names = []

    def evaluate(run, recipe, settings, wanted, *arguments):
        names.append(wanted)
        return evaluation.evaluate(run, recipe, settings, wanted, *arguments)

    monkeypatch.setattr(measuring, "evaluate", evaluate)
    return names


def test_what_still_holds_is_kept(jobs, computed):
    first = jobs.measure()
    assert jobs.measure().equals(first)
    fewer = jobs.measure(code={"GN": "gn", "WP": "wp"})
    assert set(fewer["measure"]) == {"GN", "WP"}
    changed = jobs.measure(code=CODE | {"GN": "other"})
    assert changed.drop(columns="code").equals(first.drop(columns="code"))
    assert computed == [["GN", "GPL", "WP"], ["GN", "GPL"]]


def test_other_images_than_those_of_the_training_are_refused(jobs, tmp_path):
    """Training does not ask for the date of the images: without this nobody would notice."""
    arrays = read_npz(jobs.images, *np.load(jobs.images).files)
    arrays["train_3"] = arrays["train_3"].copy()
    arrays["train_3"][0, 10] ^= 1
    jobs.images = tmp_path / "other.npz"
    write_npz(jobs.images, arrays)
    with pytest.raises(SettingsError, match=r"weights.* was not trained on the images in .*other"):
        jobs.measure()
    assert not jobs.layout.measured(RUN).exists()


@pytest.mark.parametrize("change", ["n_samples", "grid_points", "network"])
def test_what_no_longer_holds_is_measured_again(jobs, computed, tmp_path, digits, change):
    """Other weights, by a training that ends later, or other settings."""
    before = jobs.measure()
    settings = SETTINGS
    fresh = Jobs(tmp_path / "fresh", digits)
    if change == "network":
        jobs.layout.weights(RUN).unlink()
        jobs.train(replace(RECIPE, max_epochs=6))
        fresh.train(replace(RECIPE, max_epochs=6))
    else:
        settings = replace(SETTINGS, **{change: 5})
        fresh.train()
    again = jobs.measure(settings)
    assert computed == [list(CODE)] * 2
    assert again.equals(fresh.measure(settings)) and not again.equals(before)


@pytest.fixture
def stopped_at(monkeypatch):
    """Let training save a state and stop at once; return where each attempt began."""
    begun = []

    def train(run, recipe, data, *, resume_from, save_state, **_):
        begun.append(resume_from.epoch if resume_from else 0)
        network = initialize(64, 16, 0.1, np.random.default_rng(0))
        save_state(TrainingState(network, 3, 0.5, [1, 2, 3], [0.7, 0.6, 0.5]))
        raise InterruptedRunError("stopped")

    monkeypatch.setattr(training, "train", train)
    return begun


@pytest.mark.parametrize("change", ["nothing", "recipe", "code", "data", "versions"])
def test_a_half_trained_network_is_continued_by_what_began_it_only(
    tmp_path, digits, stopped_at, monkeypatch, change
):
    jobs, recipe, code = Jobs(tmp_path / "stopped", digits), RECIPE, "code"
    with pytest.raises(InterruptedRunError):
        jobs.train(recipe, code)
    if change == "recipe":
        recipe = replace(RECIPE, epsilon=1e-8)
    if change == "code":
        code = "other code"
    if change == "data":
        x, *others = load_pair(digits, RUN.pair, RUN.size)
        monkeypatch.setattr(training, "load_pair", lambda *_: (x + np.float32(0.5), *others))
    if change == "versions":
        monkeypatch.setattr(training, "version", lambda name: "0.0")
    with pytest.raises(InterruptedRunError):
        jobs.train(recipe, code)
    assert stopped_at == [0, 3 if change == "nothing" else 0]


def test_a_record_names_every_kind_of_processor_that_its_run_was_on(
    tmp_path, digits, stopped_at, monkeypatch
):
    """Its bits are those of none of them."""
    jobs = Jobs(tmp_path / "moved", digits)
    for kind in ("CPU A", "CPU B", "CPU A"):
        monkeypatch.setattr(training, "processor", lambda kind=kind: kind)
        with pytest.raises(InterruptedRunError):
            jobs.train(RECIPE, "code")
    assert stopped_at == [0, 3, 3]
    saved = str(read_npz(jobs.layout.checkpoint(RUN), "identity")["identity"])
    assert json.loads(saved)["processors"] == ["CPU A", "CPU B"]


def test_a_record_says_what_it_was_made_of(jobs):
    record = read_run_table(jobs.layout.record(RUN), RUN, schemas.RUNS).to_pylist()[0]
    assert (record["status"], record["interpolates"], record["epochs"]) == ("max_epochs", False, 5)
    assert record["steps"] == 5 * 32 // 4 and record["d"] == 64
    x, y, x_test, y_test = load_pair(jobs.images, "3-5", 32)
    network = read_weights(jobs.layout.weights(RUN))
    assert record["training_loss"] == pytest.approx(network.loss(x, y), rel=1e-6)
    assert record["test_loss"] == pytest.approx(network.loss(x_test, y_test), rel=1e-6)
    assert record["code"] == "code" and "numba" in json.loads(record["versions"])
