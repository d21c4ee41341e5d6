"""The expected cost of a run: worked out by hand, and what a scheduler relies on."""

import dataclasses
from collections import Counter

import pytest

from smoothcore.engines import ENGINES
from smoothcore.regularizers import NONE, Regularizer, all_regularizers
from smoothcore.study.grid import all_runs
from smoothcore.study.models import Network
from smoothcore.study.run import Run
from smoothcore.workflow import costs
from tests.synthetic_study import paper_study


@pytest.fixture(scope="module")
def paper():
    return paper_study()


@pytest.fixture(scope="module")
def runs(paper):
    return all_runs(paper)


def plain(size, learning_rate=0.01):
    return Run("4-9", size, 0, NONE, 0.0, learning_rate)


def with_training(study, **changes):
    return study.model_copy(update={"training": study.training.model_copy(update=changes)})


def test_seconds_are_start_plus_epochs_times_steps_times_cost(paper, monkeypatch):
    monkeypatch.setattr(costs, "EPOCHS_BY_SIZE", {64: 1000, 256: 2000})
    monkeypatch.setattr(costs, "PLAIN_STEP_MS", {"sparse": 0.5})
    monkeypatch.setattr(costs, "START_SECONDS", {"sparse": 10.0})
    # 2,000 epochs of 4 steps of 0.51 ms, after 10 s
    assert costs.expected_seconds(plain(256), paper) == pytest.approx(10 + 2000 * 4 * 0.51e-3)
    # half way between 64 and 256 on the logarithmic scale
    assert costs.expected_epochs(plain(128), paper) == pytest.approx(1500)
    # beyond the table: as at its end; the short last batch is a step
    assert costs.expected_seconds(plain(257), paper) == pytest.approx(10 + 2000 * 5 * 0.51e-3)
    assert costs.expected_epochs(plain(16), paper) == 1000


def test_the_epochs_are_those_of_the_published_runs(paper, runs, of_paper):
    asked = Counter((run.size, run.regularizer, run.lambda_, run.learning_rate) for run in runs)
    groups = of_paper.runs.groupby(["size", "regularizer", "lambda", "learning_rate"])["epochs"]
    means = {where: of.mean() for where, of in groups}
    assert groups.size().to_dict() == asked
    for (size, *where), epochs in means.items():
        expected = costs.expected_epochs(Run("4-9", size, 0, *where), paper)
        assert expected == pytest.approx(epochs, rel=0.03), (size, *where)


def test_the_published_runs_took_what_is_expected(paper, of_paper):
    """Each to a factor of about four, all together of two; nearly all within their time limit."""
    published = of_paper.runs
    seen = [Run.from_coordinates(row) for row in published.to_dict("records")]
    epochs = published["epochs"] / [costs.expected_epochs(run, paper) for run in seen]
    assert epochs.between(1 / 4, 4).mean() > 0.99
    seconds = [costs.expected_seconds(run, paper) for run in seen]
    assert 1 / 2 < published["seconds"].sum() / sum(seconds) < 2
    limits = [60 * costs.training_minutes(run, paper) for run in seen]
    assert (published["seconds"] < limits).mean() > 0.95


def test_a_weaker_penalty_between_two_that_were_measured(paper, monkeypatch):
    known = Regularizer("new", "GN", 9, step_ratio={"sparse": 3.0}, epochs_ratio={1e-4: 1, 1e-2: 5})
    monkeypatch.setattr(costs, "all_regularizers", lambda: {"new": known})
    plain_epochs = costs.expected_epochs(plain(1024), paper)
    for weight, ratio in {1e-5: 1, 1e-3: 3, 1e-2: 5, 1.0: 5}.items():
        run = dataclasses.replace(plain(1024), regularizer="new", lambda_=weight)
        assert costs.expected_epochs(run, paper) == pytest.approx(ratio * plain_epochs)


def test_a_regularizer_that_does_not_know_its_cost(paper, monkeypatch):
    monkeypatch.setattr(costs, "all_regularizers", lambda: {"new": Regularizer("new", "GN", 9)})
    run, alone = dataclasses.replace(plain(1024), regularizer="new", lambda_=0.1), plain(1024)
    assert costs.expected_epochs(run, paper) == 2 * costs.expected_epochs(alone, paper)
    assert costs.step_milliseconds(run, paper) == pytest.approx(
        2 * costs.step_milliseconds(alone, paper), rel=0.05
    )


def test_the_paper_s_grid_adds_up_to_its_steps(paper, runs):
    steps = {"table 1": 0.0, "all": 0.0}
    for run in runs:
        cost = costs.expected_epochs(run, paper) * -(-run.size // 64)
        steps["all"] += cost
        steps["table 1"] += cost if run.size < 10000 else 0
    assert steps["table 1"] == pytest.approx(147e6, rel=0.01)
    # λ = 0 43, GN 106, WP 96, FPL 102, GPL 78
    assert 541e6 < steps["all"] < 600e6


def test_no_run_is_expected_to_take_more_than_all_its_epochs(paper):
    short = with_training(paper, max_epochs=7)
    assert costs.expected_epochs(plain(256), short) == 7
    assert costs.expected_seconds(plain(256), short) == costs.expected_seconds(plain(256), short, 7)
    assert costs.training_minutes(plain(256), short, 5) == costs.training_minutes(plain(256), short)


def test_a_smaller_network_and_smaller_images_are_cheaper(paper):
    narrow = paper.model_copy(update={"network": Network(hidden_units=64, alpha=0.01)})
    digits = paper.model_copy(update={"dataset": "digits"})
    base = costs.step_milliseconds(plain(64), paper)
    assert costs.step_milliseconds(plain(64), narrow) < base / 3
    assert costs.step_milliseconds(plain(64), digits) < base / 5


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_and_regularizer_has_a_cost(paper, engine):
    study = with_training(paper, engine=engine)
    for regularizer in (NONE, *all_regularizers()):
        run = Run("4-9", 10000, 0, regularizer, 0.0 if regularizer == NONE else 1e-3, 0.1)
        assert costs.expected_seconds(run, study) > costs.START_SECONDS[engine]
    assert costs.training_memory_mb(run, study) >= costs.MEMORY_MB[engine] + costs.SUBMISSION_MB


def test_each_attempt_asks_for_more(paper):
    run = plain(8192)
    assert costs.training_minutes(run, paper, 2) > costs.training_minutes(run, paper, 1)
    assert costs.training_memory_mb(run, paper, 2) == 2 * costs.training_memory_mb(run, paper, 1)
    assert costs.measuring_minutes(run, paper, 9) > costs.measuring_minutes(run, paper, 1)
    one, two = (costs.measuring_memory_mb(run, paper, attempt) for attempt in (1, 2))
    assert two == 2 * one


@pytest.mark.parametrize(
    ("h", "size", "seconds", "megabytes"),
    [(256, 10_000, 1.4, 313), (2048, 64, 5.6, 457), (2048, 10_000, 18, 923), (4096, 64, 21, 888)],
)
def test_measuring_asks_for_what_it_was_measured_to_need(paper, h, size, seconds, megabytes):
    """Beside the processes of Snakemake around the job; at most twice as much where it counts."""
    network = paper.network.model_copy(update={"hidden_units": h})
    study, run = paper.model_copy(update={"network": network}), plain(size)
    minutes = costs.measuring_minutes(run, study)
    asked = costs.measuring_memory_mb(run, study) - costs.SUBMISSION_MB
    assert 60 + 2 * seconds < 60 * minutes < 180 + 5 * seconds
    assert megabytes < asked < 1.5 * megabytes + 100


def test_what_is_asked_for_covers_what_is_expected(paper, runs):
    for run in runs:
        minutes = costs.training_minutes(run, paper)
        assert isinstance(minutes, int)
        expected = costs.expected_seconds(run, paper)
        longest = costs.expected_seconds(run, paper, paper.training.max_epochs)
        assert expected <= longest
        most = costs.MARGIN * longest + costs.SLOW_START_SECONDS + 60
        assert min(costs.MARGIN * expected, longest) <= 60 * minutes <= most


def test_short_runs_are_many_and_long_ones_hold_most_of_the_work(paper, runs):
    short = [run for run in runs if costs.cost_class(run, paper) == "short"]
    long = [run for run in runs if costs.cost_class(run, paper) == "long"]
    assert len(short) + len(long) == len(runs)
    assert {run.size for run in runs if run.size <= 512} <= {run.size for run in short}
    work = [sum(costs.expected_seconds(run, paper) for run in part) for part in (short, long)]
    assert len(long) < len(short)
    assert work[1] > work[0]


def test_a_larger_epsilon_is_reached_earlier(paper):
    looser, tighter = (with_training(paper, epsilon=epsilon) for epsilon in (1e-3, 1e-10))
    assert costs.expected_epochs(plain(1024), looser) == pytest.approx(0.6 * 4745)
    assert costs.expected_epochs(plain(1024), tighter) == pytest.approx(2 * 4745)


def test_no_attempt_asks_for_more_than_all_epochs_take(paper):
    study = with_training(paper, max_epochs=4000)
    # 4,000 epochs of 128 steps of 0.27 ms, three times, and a slow start
    assert costs.training_minutes(plain(8192), study) == 9
    assert costs.training_minutes(plain(8192), study, 5) == 9


def test_a_wide_network_asks_for_more_memory(paper):
    study = paper.model_copy(update={"network": Network(hidden_units=4096, alpha=0.01)})
    # 350 + 350 + 4 × 8 bytes × 784 × 4096, in steps of 50 MB
    assert costs.training_memory_mb(plain(64), study) == 850
