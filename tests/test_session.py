"""The order in which the runs of a study are worth having."""

import pytest

from smoothcore.workflow.session import Session
from tests.synthetic_study import paper_study


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
