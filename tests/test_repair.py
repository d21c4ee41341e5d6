"""The command that a message names makes the file again, for the study it belongs to."""

import shlex

import pytest

from smoothcore.files.repair import COMMAND_VARIABLE, repair_command, repair_hint


@pytest.fixture
def started(monkeypatch):
    monkeypatch.setenv(COMMAND_VARIABLE, "snakemake --cores 2 --configfile 'my study.yaml'")


@pytest.fixture
def by_hand(monkeypatch):
    monkeypatch.delenv(COMMAND_VARIABLE, raising=False)


def test_in_a_job(started, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "results" / "x" / "runs.parquet"
    command = "snakemake --cores 2 --configfile 'my study.yaml' -- results/x/runs.parquet"
    assert repair_hint(path) == f"Make it:  {command}"
    path.parent.mkdir(parents=True)
    path.touch()
    assert (
        repair_hint(path)
        == f"Delete it and make it again:  rm {shlex.quote(str(path))} && {command}"
    )


def test_by_hand_from_another_folder(by_hand, tmp_path):
    path = tmp_path / "my results" / "results" / "x" / "runs.parquet"
    assert repair_hint(path) == (
        f"Make it:  snakemake --cores all --directory '{tmp_path}/my results' -- "
        "results/x/runs.parquet  (before the --: the --configfile of its study, if it has one)"
    )


def test_by_hand_in_the_folder(by_hand, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert repair_command("results/x/data/mnist.npz", force=True) == (
        "snakemake --cores all --force -- results/x/data/mnist.npz"
    )


def test_a_folder_above_may_be_called_results(by_hand, tmp_path):
    path = tmp_path / "results" / "mine" / "results" / "x" / "runs.parquet"
    assert repair_command(path) == (
        f"snakemake --cores all --directory {tmp_path}/results/mine -- results/x/runs.parquet"
    )
