"""The order in which the runs of a study are worth having, and how targets name them."""

import os
import re
from types import SimpleNamespace

import pytest

from smoothcore.workflow.plan import Plan
from smoothcore.workflow.session import Session
from tests.synthetic_study import paper_study, write_study
from tests.workflow import study_of


@pytest.fixture
def session(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Session(paper_study())


def ordered(session):
    return sorted(session.runs, key=lambda run: -session.priority(run.coordinates))


def test_table_1_comes_first_pair_by_pair(session):
    runs = ordered(session)
    table_1, table_2 = runs[:1080], runs[1080:]
    assert {run.size for run in table_1} == set(session.study.monotonicity.sizes)
    assert all(len({run.pair for run in table_1[k : k + 24]}) == 1 for k in range(0, 1080, 24))
    names = list(dict.fromkeys(run.regularizer for run in table_2))
    assert names[0] == "none" and names[-1] == "GN"


def test_the_first_pairs_are_a_fair_sample_of_all(session):
    """After five, ten, fifteen pairs every digit was in as many of them."""
    pairs = list(dict.fromkeys(run.pair for run in ordered(session)))
    assert sorted(pairs) == sorted(session.study.pairs)
    for k in range(0, 45, 5):
        assert sorted("".join(pairs[k : k + 5]).replace("-", "")) == list("0123456789")


def test_the_search_goes_on_from_runs_of_this_study_only(tmp_path, monkeypatch):
    """Those of other settings are trained again, and may end otherwise."""
    monkeypatch.chdir(tmp_path)
    study = study_of(
        {"name": "far", "pairs": ["1-2"], "optimality": {"search": {"factor": 10, "max_steps": 2}}}
    )
    write_study(tmp_path / "results" / "far", study, per_run=True, figures=False)
    assert set(Session(study).search) == {"GN", "WP", "FPL", "GPL"}
    training = study.training.model_copy(update={"epsilon": 1e-6})
    assert Session(study.model_copy(update={"training": training})).search == {}


def test_partial_tables_that_are_older_than_a_run_are_stale(tmp_path, monkeypatch):
    """Snakemake does not remember what those of a fresh checkout were made of."""
    monkeypatch.chdir(tmp_path)
    study = study_of({"name": "x", "dataset": "digits", "pairs": ["1-2"], "optimality": None,
                      "monotonicity": {"sizes": [16, 32]}})  # fmt: skip
    folder = tmp_path / "results" / "x"
    partial = write_study(folder, study, subfolder="partial", per_run=True, figures=False)
    session = Session(study)
    newest = max(path.stat().st_mtime for path in folder.rglob("measures/**/*.parquet"))
    for seconds, stale in ((1, set()), (-1, {"results/x/partial/runs.parquet"})):
        os.utime(partial / "runs.parquet", (newest + seconds,) * 2)
        dag = SimpleNamespace(forcefiles=set())
        Plan(session, SimpleNamespace(dag=dag)).force_stale_tables()
        assert dag.forcefiles == stale


def test_a_target_names_a_run_as_the_workflow_does_also_one_that_the_search_may_come_to(
    tmp_path, monkeypatch
):
    """A job on a cluster reads the Snakefile anew, maybe while the runs before it are gone."""
    monkeypatch.chdir(tmp_path)
    searching = study_of({"name": "far", "optimality": {"search": {"factor": 10, "max_steps": 2}}})
    session = Session(searching)
    assert not any(session.search.values())
    spelled = session.spellings
    for name, value, matches in (
        ("lambda", "0.01", True), ("lambda", "0.1", True), ("lambda", "1.0", False),
        ("lambda", "1e-5", False), ("lambda", "1e-05", True), ("size", "64", True),
        ("size", "6", False), ("regularizer", "GPL-exact", False),
        ("regularizer", "XX", False), ("lambda", "-..", False), ("learning_rate", "0.010", False),
    ):  # fmt: skip
        assert bool(re.fullmatch(spelled[name], value)) == matches, (name, value)
