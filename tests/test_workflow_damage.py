"""Damage, full and read-only disks, failing runs: noticed, named, repaired. Real snakemake."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from smoothcore.files import schemas
from smoothcore.files.records import read_run_table
from smoothcore.files.storage import read_parquet
from tests.workflow import TARGETS, Workflow, kill_group, planned, said_by, wait_until

pytestmark = pytest.mark.workflow


def flip(path: Path) -> None:
    """Flip a bit in the first column of a parquet file."""
    content = bytearray(path.read_bytes())
    content[30] ^= 8
    path.write_bytes(content)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


def repair_command(said: str, path: Path) -> str:
    """Return the command that the message about a file tells to type."""
    found = re.findall(rf"^error: \S*{re.escape(path.name)} is damaged .*?  (\S.*)$", said, re.M)
    commands = {command for command in found if path.name in command}
    assert len(commands) == 1, said[-6000:]
    return commands.pop()


def type_in(command: str) -> str:
    """Type a command into a shell somewhere else; return what it said."""
    return said_by(["bash", "-c", command], cwd="/")


def tables(study: Workflow) -> dict[str, bytes]:
    return {name: (study.folder / name).read_bytes() for name in TARGETS}


def test_damaged_files_of_runs_and_tables(study, finished):
    """Cut off or with a bit flipped: an error for each, whose command repairs it."""
    weights = study.layout.weights(study.run_at(size=16))
    measures = study.layout.measured(study.run_at(pair="3-5"))
    runs, grid = study.results / "runs.parquet", study.layout.grid
    before = tables(study)
    for path, damage in ((weights, truncate), (measures, truncate), (runs, flip), (grid, flip)):
        if path == runs:
            study.snakemake(*study.targets)
        damage(path)
        said = study.snakemake(*study.targets, fails=True)
        if path in (weights, measures):
            assert tables(study) == before  # of whole files; nothing was made from damaged ones
        command = repair_command(said, path)
        assert command.startswith("rm ")
        jobs = planned(type_in(command))
        assert jobs.get("train", 0) == (path == weights)
        assert jobs.get("measure", 0) == (path == measures)
    assert not {"train"} & set(planned(study.snakemake(*study.targets)))
    assert study.comparable() == finished.comparable()


def test_damaged_images(study, finished):
    """The repair makes the images anew and trains the one run that needed them, no other."""
    run, data = study.run_at(regularizer="FPL"), study.layout.data("digits")
    content = bytearray(data.read_bytes())
    # one pixel of this pair
    content[content.index(b"\x93NUMPY", content.index(b"train_0.npy")) + 200] ^= 1
    data.write_bytes(content)
    study.layout.measured(run).unlink()
    study.layout.weights(run).unlink()
    command = repair_command(study.snakemake(*study.targets, fails=True), data)
    assert planned(type_in(command)) == {"prepare_data": 1}
    jobs = planned(study.snakemake(*study.targets))
    assert (jobs["train"], jobs["measure"]) == (1, 1) and "prepare_data" not in jobs
    assert study.comparable() == finished.comparable()
    for path in (data, study.layout.record(run)):
        path.unlink()
    said = study.snakemake(*study.targets, fails=True)
    found = re.search(r"digits\.npz is gone.*  (\S.*)  To train all again", said)
    assert found[1] == command


def test_deleted_images_stop_nothing_that_trains_nothing(study):
    images, table = study.layout.data("digits"), study.results / "table1.csv"
    images.unlink()
    table.unlink()
    jobs = planned(study.snakemake("results/tiny/table1.csv", "results/tiny/partial/table1.csv"))
    assert jobs == {"collect_present": 1, "make_tables": 2}
    assert table.exists() and not images.exists()


def test_a_copy_of_another_study(study):
    """Snakemake knows nothing of a copied folder: each run is held against the new settings."""
    config = study.config | {"name": "other"}
    config["network"] = config["network"] | {"hidden_units": 8}
    other = Workflow(study.folder, config=config, config_name="other.yaml")
    shutil.copytree(study.results, other.results)
    table = "results/other/table1.csv"
    jobs = other.planned(table)
    assert jobs == {"write_grid": 1, "collect": 1, "make_tables": 1}
    before, layout = (other.folder / table).read_bytes(), other.layout
    new, old = other.runs[:2], other.runs[2:]
    for run in new:
        for path_of in (layout.weights, layout.record, layout.curve, layout.measured):
            path_of(run).unlink()
    for target in (table, "results/other/partial/table1.csv"):
        said = other.snakemake(target, fails=True)
        assert "6 of 8 runs were not made with the settings and the code of the study" in said
        first = layout.record(old[0]).relative_to(other.folder)
        assert f"{first} was made with recipe.hidden_units = 16, not 8" in said
        assert "Or run `snakemake`, and delete the files that it leaves as they are: " in said
        assert "it makes them again, and trains the runs that have no weights." in said
    assert (other.folder / table).read_bytes() == before
    assert not (other.results / "partial" / "measures.parquet").exists()
    for run in old:
        layout.record(run).unlink()
    assert other.planned(table)["train"] == 6


def test_a_report_of_what_is_not_there(study, tmp_path):
    """One message instead of one for each file; a study that lacks a run has its report."""
    report = tmp_path / "report.html"
    study.layout.record(study.run_at()).unlink()
    study.snakemake("--report", str(report))
    assert report.exists()
    (study.results / "table1.csv").unlink()
    nothing = Workflow(tmp_path / "nothing")
    for workflow, target, missing in (
        (study, "all", "table1.csv is"),
        (nothing, "all", "edge.csv and 13 others are"),
        (nothing, "partial", "partial/edge.csv and 12 others are"),
    ):
        said = workflow.snakemake(target, "--report", str(tmp_path / "none.html"), fails=True)
        expected = f"Error: results/tiny has nothing to report yet: results/tiny/{missing} missing."
        (line,) = said.split("Building DAG of jobs...\n")[1].strip().splitlines()
        assert line.startswith(expected) and "--report FILE --configfile" in line
    assert not (tmp_path / "none.html").exists()


@pytest.fixture
def small_disk(empty):
    """A results folder on a file system of its own; yields what remounts it."""
    folder = empty.folder / "results"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)], capture_output=True
    )
    if done.returncode:
        pytest.skip(f"this system does not allow to mount: {done.stderr.decode().strip()}")
    yield lambda how: subprocess.run(["mount", "-o", f"remount,{how}", str(folder)], check=True)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_and_then_a_read_only_disk(empty, finished, small_disk):
    said = empty.snakemake(*TARGETS, fails=True)
    assert re.search(r"^error: cannot write results/\S+: the disk is full\.", said, re.M)
    expected = finished.comparable()
    there = empty.comparable()
    assert there and all(expected[name] == content for name, content in there.items())
    small_disk("size=20m,ro")
    assert empty.planned(*TARGETS)
    said = empty.snakemake(*TARGETS, fails=True)
    assert f"cannot write {empty.results}: the file system is read-only" in said
    small_disk("size=20m,rw")
    empty.snakemake(*TARGETS)
    there = empty.comparable()
    assert {name: expected[name] for name in there} == there
    assert set(expected) - set(there) <= {"toy.npz"}


def test_runs_that_fail(study):
    """Two diverge, two do not interpolate, one crashes: the others go on, the tables are made."""
    regularizers = study.config["optimality"]["regularizers"]
    regularizers["GN"]["lambda"] = [1.0e-4, 1.0e6]
    regularizers["FPL"]["lambda"] = [1.0e-4, 1.0]
    regularizers["WP"] = {"lambda": [1.0e-5], "learning_rate": 0.005}
    study.write()
    in_the_way = study.results / "checkpoints/pair=3-5/size=32/seed=0/regularizer=WP"
    in_the_way.parent.mkdir(parents=True, exist_ok=True)
    in_the_way.write_text("a file where a folder should be")
    said = study.snakemake(*study.targets, fails=True)
    log = "results/tiny/logs/train/pair=3-5/size=32/seed=0/regularizer=WP/lambda-1e-05_lr-0.005.log"
    assert f"log: {log}" in said and "a file is where its folder should be" in said
    status = {}
    for run in study.runs:
        if (study.layout.record(run)).exists():
            row = read_run_table(study.layout.record(run), run, schemas.RUNS).to_pylist()[0]
            status[run.pair, run.regularizer, run.lambda_] = row["status"]
            assert row["interpolates"] == (row["status"] == "interpolated")
    assert status.pop(("0-1", "WP", 1e-5)) == "interpolated"
    assert ("3-5", "WP", 1e-5) not in status
    for pair in ("0-1", "3-5"):
        assert status.pop((pair, "GN", 1e6)) == "diverged"
        assert status.pop((pair, "FPL", 1.0)) == "max_epochs"
    assert set(status.values()) == {"interpolated"}

    said = study.snakemake("results/tiny/partial/table1.csv")
    asked = len(study.runs)
    assert f"Collecting the runs that are there: 1 of {asked} runs is missing" in said
    partial = read_parquet(study.results / "partial" / "runs.parquet")
    assert partial.num_rows == asked - 1

    in_the_way.unlink()
    assert planned(study.snakemake(*study.targets))["train"] == 1
    runs = read_parquet(study.results / "runs.parquet").to_pandas()
    assert len(runs) == asked and runs["interpolates"].sum() == asked - 4
    edge = pd.read_csv(study.results / "edge.csv").set_index(["regularizer", "lambda"])
    for failed, done in ((("GN", 1e6), ("GN", 1e-4)), (("FPL", 1.0), ("FPL", 1e-4))):
        assert set(edge.loc[failed, "n_both"]) == {0} and not edge.loc[failed, "reported"].any()
        assert set(edge.loc[done, "n_both"]) == {2} and edge.loc[done, "reported"].all()
    assert study.planned(*study.targets) == {}


def test_two_workflows_in_one_folder(study):
    for path in study.results.glob("weights/*/*/*/*/*.npz"):
        path.unlink()
    process = study.start()
    try:
        locks = study.folder / ".snakemake" / "locks"
        wait_until(lambda: locks.is_dir() and any(locks.iterdir()))
        said = study.snakemake(fails=True)
        assert "Directory cannot be locked" in said and "--unlock" in said
    finally:
        kill_group(process)
    assert "Unlock" in study.snakemake("--unlock")
