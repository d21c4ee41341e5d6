"""Published results: a fresh checkout goes on where they end, without weights."""

import hashlib
import io
import logging
import re
import shutil
import subprocess
import sys
import threading
import time

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from smoothcore.datasets import prepare
from smoothcore.errors import DamagedFileError, SettingsError, StorageError
from smoothcore.files import records, schemas
from smoothcore.files.locking import only_writer
from smoothcore.files.records import about, write_rows
from smoothcore.files.storage import read_parquet, write_parquet
from smoothcore.readable import plain_lambda, two_decimals
from smoothcore.results import COLLECTED, comparison, selection, statistics
from smoothcore.study.grid import all_runs, to_table
from smoothcore.study.run import COORDINATES, INTERPOLATED, STATUSES, Run
from smoothcore.workflow.adoption import adopt, read_adopted
from smoothcore.workflow.publish import publish
from smoothcore.workflow.published import RESTORED, published_tables, restore, tables_to_restore
from smoothcore.workflow.session import Session
from tests.synthetic_study import demo_study, interpolates, write_study
from tests.workflow import (
    PER_PAIR,
    REPOSITORY,
    RUNS,
    TARGETS,
    Workflow,
    in_words,
    planned,
    runs_planned,
    study_of,
)

pytestmark = pytest.mark.workflow


@pytest.fixture
def checkout(finished, tmp_path) -> Workflow:
    """A fresh checkout with the published results of the small study."""
    study = Workflow(tmp_path / "study")
    publish(finished.results, study.results)
    return study


def test_the_paper_s_study_has_no_gap(of_paper):
    runs, key = of_paper.runs, [*COORDINATES]
    assert not runs.duplicated(key).any()
    assert len(runs.merge(of_paper.grid, on=key)) == len(runs)
    assert (runs["interpolates"] == (runs["status"] == INTERPOLATED)).all()
    assert set(runs["status"]) <= set(STATUSES)
    assert (runs["training_loss"] < 1e-5).equals(runs["interpolates"])
    n_rows = of_paper.measures.groupby(key).size()
    assert len(n_rows) == len(runs) and n_rows.nunique() == 1
    assert of_paper.measures["value"].notna().all()
    assert of_paper.curves.groupby(key)["epoch"].max().to_list() == (
        runs.set_index(key)["epochs"].sort_index().to_list()
    )
    assert len(of_paper.grid) == 1575 and of_paper.grid["pair"].nunique() == 45
    if of_paper.folder == of_paper.grid_path.parent:
        assert len(runs) == 1575


def test_the_tables_of_the_paper_s_study_are_what_its_runs_and_today_s_code_make(of_paper):
    found, folder = of_paper, of_paper.folder
    for name, made in statistics.all_tables(found.measures, found.runs, found.grid).items():
        written = pd.read_csv(io.StringIO(made.to_csv(index=False)))
        pd.testing.assert_frame_equal(pd.read_csv(folder / f"{name}.csv"), written, rtol=1e-9)


def test_the_pages_say_the_published_numbers(of_paper):
    """Counts, hours, and every row of Table 2 whose runs are all there."""
    readme = " ".join((REPOSITORY / "README.md").read_text(encoding="utf-8").split())
    index = " ".join((REPOSITORY / "docs" / "index.md").read_text(encoding="utf-8").split())
    n, hours = len(of_paper.runs), of_paper.runs["seconds"].sum() / 3600
    assert n == 1575 and "All 1,575 runs are done" in readme and f"took {hours:.0f} core" in readme
    assert "all 1,575 runs" in index and f"took {hours:.0f} hours of a core" in index
    for row in selection.main_rows(of_paper.made["table1"]).to_dict("records")[:4]:
        tau = comparison.compared(row)
        said = "1.00, " if tau.std == 0 else f"{tau.ours} ({tau.interval}) |"
        for page in (readme, index):
            assert f"| {row['measure']} | {said}" in page.replace("**", "")
    for row in selection.main_rows(of_paper.made["table2"]).to_dict("records"):
        if row["n_present"] < row["n_in_grid"] or row["n_pairs"] == 0:
            continue
        before, after = (
            comparison.compared(row, f"{name}_") for name in ("unregularized", "regularized")
        )
        r_norm = comparison.compared(row, "r_norm_")
        last = f"{r_norm.ours} ({r_norm.interval})".removeprefix("≤ ")
        pairs = f"{row['n_matched']}"
        means = [two_decimals(value.mean) for value in (before, after)]
        assert " | ".join([f"| {row['regularizer']}", pairs, *means, last]) in readme
        means = [f"{mean} ({of.interval})" for mean, of in zip(means, (before, after), strict=True)]
        lambda_ = f"| {row['regularizer']}, λ = {plain_lambda(row['lambda'])}"
        assert " | ".join([lambda_, pairs, *means, last]) in index


def test_what_is_published_says_what_made_it(finished, checkout):
    page = (checkout.results / "README.md").read_text()
    assert f"{RUNS} of {RUNS} runs, the whole grid." in page
    for word in ("commit of these tables", "processors", "core hours of training, by the clock"):
        assert f"| {word} | " in page
    assert re.search(rf"^\| versions \| .*numpy .* \({RUNS}\) \|$", page, re.MULTILINE)
    hashes = dict(re.findall(r"^\| (\S+) \| `(\w{64})` \|$", page, re.MULTILINE))
    assert {"runs.parquet", "table1.csv", "figure2.svg", "report.html"} <= hashes.keys()
    for name, digest in hashes.items():
        assert hashlib.sha256((checkout.results / name).read_bytes()).hexdigest() == digest
    assert not list(checkout.results.rglob("*.npz"))


def test_code_that_is_known_to_be_equal_is_published_with_its_runs(study, tmp_path):
    adopt(study.results, [("new", "old")], {})
    publish(study.results, tmp_path / "elsewhere")
    assert read_adopted(tmp_path / "elsewhere") == {"new": "old"}


def test_nothing_is_published_before_there_is_a_report(empty):
    with pytest.raises(SettingsError, match=r"Make it:  snakemake .*/partial/report\.html"):
        publish(empty.results, empty.folder / "elsewhere")


def test_published_runs_count_as_there(checkout, finished):
    said = checkout.snakemake(*TARGETS)
    assert f"{RUNS} published runs of results/tiny count as there" in said
    assert {"train", "measure"}.isdisjoint(planned(said))
    for name in TARGETS:
        path = name.removeprefix("results/tiny/")
        assert (checkout.results / path).read_bytes() == (finished.results / path).read_bytes()
    of_tables = {"prepare_data", "write_grid", "train", "measure", "collect", "make_tables"}
    assert of_tables.isdisjoint(checkout.planned())


def keep(tables, runs):
    """Leave only these runs in published tables, and name them on their page."""
    for name in COLLECTED:
        table = read_parquet(tables / name).to_pandas()
        kept = [Run.from_coordinates(row) in runs for row in table.to_dict("records")]
        rows = pa.Table.from_pandas(table[kept], preserve_index=False)
        write_parquet(tables / name, rows, about(tables / name))
    digests = [hashlib.sha256((tables / name).read_bytes()).hexdigest() for name in COLLECTED]
    (tables / "README.md").write_text(f"| runs.parquet | `{digests[0]}` |\n")
    (tables / "report.html").write_text("\n".join(digests))


def test_runs_that_are_published_later_count_as_there_too(finished, checkout):
    """As `git pull` brings them; what was trained or deleted here stays as it is."""
    root, layout, runs = checkout.results, checkout.layout, checkout.runs
    (tables := root / "partial").mkdir()
    for name in (*COLLECTED, "report.html"):
        (root / name).rename(tables / name)
    keep(tables, runs[2:])
    assert restore(layout, tables_to_restore(root)) == RUNS - 2
    # its own tables are no news, published or not
    assert tables_to_restore(root) is None
    page = (tables / "README.md").read_text()
    keep(tables, runs[1:])
    (tables / "README.md").write_text(page)
    assert tables_to_restore(root) is None
    publish(root, root)
    assert tables_to_restore(root) is None
    for of in (layout.curve, layout.record, layout.weights, layout.measured):  # trained here
        of(runs[0]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(getattr(finished.layout, of.__name__)(runs[0]), of(runs[0]))
    trained = layout.record(runs[0]).stat().st_mtime_ns
    layout.record(runs[2]).unlink()  # to be trained again
    publish(finished.results, root)
    said = checkout.snakemake("--dry-run")
    assert f"{RUNS - 2} published runs of results/tiny count as there" in said
    assert planned(said)["train"] == 1 and not layout.record(runs[2]).exists()
    assert layout.record(runs[0]).stat().st_mtime_ns == trained
    assert layout.record(runs[1]).exists()
    assert tables_to_restore(root) is None


def test_a_study_that_has_grown_is_not_published_as_whole(study, tmp_path):
    """Its report is of the smaller one."""
    study.config["pairs"].append("4-9")
    grid = study.results / "grid.parquet"
    asked = study_of(study.config)
    table = pa.Table.from_pandas(to_table(asked), preserve_index=False)
    write_parquet(grid, table, asked.to_dict())
    with pytest.raises(SettingsError, match=r"partial lacks .*report\.html"):
        publish(study.results, tmp_path / "elsewhere")


def test_tables_that_do_not_belong_together_are_not_published(study, tmp_path):
    partial = study.results / "partial"
    partial.mkdir()
    for name in (*COLLECTED, "report.html"):
        (study.results / name).rename(partial / name)
    report = (partial / "report.html").read_text()
    keep(partial, study.runs[1:])
    (partial / "report.html").write_text(report)  # `snakemake partial` was stopped half way
    with pytest.raises(SettingsError, match=r"report\.html was made from another runs\.parquet"):
        publish(study.results, tmp_path / "elsewhere")
    keep(partial, study.runs[1:])
    assert publish(study.results, tmp_path / "elsewhere") == tmp_path / "elsewhere" / "partial"
    grid = study.results / "grid.parquet"
    settings = about(grid)
    settings["training"]["epsilon"] = 1e-7
    write_parquet(grid, read_parquet(grid).replace_schema_metadata(), settings)
    with pytest.raises(SettingsError, match=r"partial was made for other settings than .*grid"):
        publish(study.results, tmp_path / "elsewhere")


def test_tables_of_another_version_are_not_restored(checkout):
    path = checkout.results / "runs.parquet"
    table = read_parquet(path)
    write_parquet(path, table.drop_columns("processor").replace_schema_metadata(), about(path))
    with pytest.raises(DamagedFileError, match=r"has no column 'processor': another version"):
        restore(checkout.layout, checkout.results)
    assert not checkout.layout.record(checkout.runs[0]).exists()


def test_where_nothing_can_be_published_says_why(finished, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="a file is where its folder should be"):
        publish(finished.results, tmp_path / "file" / "elsewhere")


def test_the_page_beside_published_results_adds_up(tmp_path):
    folder = write_study(tmp_path / "results" / "demo", demo_study(), figures=False)
    path, runs = folder / "runs.parquet", all_runs(demo_study())
    table = read_parquet(path).to_pandas().assign(seconds=1800.0, steps=1000)
    table = pa.Table.from_pandas(table, schema=schemas.RUNS, preserve_index=False)
    write_parquet(path, table, about(path))
    named = [hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in COLLECTED[:2]]
    (folder / "report.html").write_text(" ".join(named))
    text = (publish(folder, tmp_path / "copy" / "results" / "demo") / "README.md").read_text()
    rows = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", text, re.MULTILINE))
    done = sum(map(interpolates, runs))
    assert (rows["interpolated"], rows["max_epochs"]) == (f"{done}", f"{len(runs) - done}")
    assert rows["core hours of training, by the clock"] == f"{len(runs) / 2:.1f}"
    assert rows["SGD steps"] == f"{1000 * len(runs):,}"


def test_published_again_from_where_it_lies(checkout):
    page = (checkout.results / "README.md").read_text()
    assert publish(checkout.results, checkout.results) == checkout.results
    assert (checkout.results / "README.md").read_text() == page


def test_an_interrupted_restore_is_done_again(checkout, finished, monkeypatch):
    written = []

    def interrupted(path, *arguments, **said):
        if len(written) == 10:
            raise KeyboardInterrupt
        written.append(path)
        write_rows(path, *arguments, **said)

    with monkeypatch.context() as patch:
        patch.setattr(records, "write_rows", interrupted)
        with pytest.raises(KeyboardInterrupt):
            restore(checkout.layout, published_tables(checkout.results))
    said = checkout.snakemake("--dry-run")
    assert f"{RUNS} published runs of results/tiny count as there" in said
    assert {"train", "measure"}.isdisjoint(planned(said))
    assert {"runs", "curves", "measures", "restored.json"} == {
        path.name for path in checkout.results.iterdir() if path.suffix in ("", ".json")
    } - {"logs", "benchmarks"}


def test_two_starts_restore_once(checkout, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.chdir(checkout.folder)
    said: list[str] = []
    session = Session(study_of(checkout.config))
    with only_writer(session.layout.root / RESTORED):
        other = threading.Thread(target=session.restore_published, args=(said.append,))
        other.start()
        while "waiting" not in caplog.text:
            assert other.is_alive()
            time.sleep(0.01)
        assert restore(session.layout, published_tables(session.layout.root)) == RUNS
    other.join()
    assert said == [] and len(session.restored) == RUNS


def test_a_damaged_list_of_restored_runs_is_named(checkout, monkeypatch):
    monkeypatch.chdir(checkout.folder)
    restore(checkout.layout, published_tables(checkout.results))
    (checkout.results / RESTORED).write_text("{")
    with pytest.raises(DamagedFileError, match=r"restored\.json is damaged .* Delete it"):
        Session(study_of(checkout.config)).restore_published(print)


def test_seeds_and_regularizers_that_are_added_train_only_their_runs(checkout):
    before = set(checkout.runs)
    checkout.config["monotonicity"]["seeds"].append(1)
    wp = {"lambda": [1.0e-5], "learning_rate": 0.005}
    checkout.config["optimality"]["regularizers"]["WP"] = wp
    checkout.write()
    new = set(checkout.runs) - before
    said = checkout.snakemake("--dry-run", *TARGETS)
    assert planned(said)["train"] == planned(said)["measure"] == len(new) == 6
    assert runs_planned(said) == in_words(new)


def publish_without_crossings(checkout):
    path = checkout.results / "measures.parquet"
    table = read_parquet(path)
    write_parquet(path, table.filter(pc.not_equal(table["measure"], "CR")), about(path))
    return path


def test_nothing_is_trained_beside_published_runs_of_other_measures_or_code(checkout):
    """Snakemake does not know what restored tables are made of."""
    publish_without_crossings(checkout)
    checkout.config["pairs"].append("4-9")
    checkout.write()
    target = "results/tiny/measures.parquet"
    for said in (checkout.snakemake(target, "--dry-run"), checkout.snakemake(target, fails=True)):
        assert f"{RUNS} of {RUNS} runs were not made with the settings and the code" in said
        assert ".parquet lacks CR\n" in said
    assert not (checkout.results / "weights").exists()


def test_a_measure_that_published_runs_lack_is_refused_and_their_tables_stay(checkout):
    """They have no weights to measure."""
    path = publish_without_crossings(checkout)
    before = path.read_bytes()
    for options in (["--dry-run"], []):
        said = checkout.snakemake(*TARGETS, *options, fails=not options)
        assert ".parquet lacks CR\n" in said
    assert path.read_bytes() == before


def test_nothing_is_trained_beside_published_runs_whose_images_cannot_be_prepared(checkout):
    """Snakemake would train them all once it can prepare the images."""
    checkout.config["pairs"].append("4-9")
    checkout.write()
    checkout.results.joinpath("data").write_text("no folder")
    gone = f"digits.npz is gone, and {RUNS} finished runs of results/tiny would be trained again"
    said = checkout.snakemake(*TARGETS, "--dry-run", "--quiet")
    assert gone in said
    assert re.search(
        r"images alone first:  .*snakemake .*--configfile .* -- results/tiny/data", said
    )
    said = checkout.snakemake(*TARGETS, fails=True)
    assert "the images are missing" in said and gone in said
    checkout.results.joinpath("data").unlink()
    jobs = checkout.planned(*TARGETS)
    assert (jobs["train"], jobs["measure"]) == (PER_PAIR, PER_PAIR)


def test_of_two_published_folders_the_one_with_more_runs_counts(checkout):
    """Of a study that grows, a partial one is published beside the whole one of before."""
    root = checkout.results
    assert published_tables(root) == root
    shutil.copytree(root, root / "partial", ignore=shutil.ignore_patterns("partial"))
    assert published_tables(root) == root
    table = read_parquet(root / "runs.parquet")
    write_parquet(root / "runs.parquet", table.slice(1), about(root / "runs.parquet"))
    assert published_tables(root) == root / "partial"


def test_tables_without_a_run_are_restored_too(empty):
    """`snakemake partial` writes them where nothing was trained yet."""
    layout, study = empty.layout, {"study": study_of(empty.config).to_dict()}
    for name, schema in zip(
        COLLECTED, (schemas.RUNS, schemas.MEASURES, schemas.CURVES), strict=True
    ):
        write_parquet(layout.root / "partial" / name, schema.empty_table(), study)
    assert restore(layout, published_tables(layout.root)) == 0
    assert published_tables(layout.root) is None


def test_partial_results_grow_in_a_fresh_checkout(finished, tmp_path):
    """Snakemake does not remember how the published tables were made."""
    before = finished.copy_to(tmp_path / "before")
    (before.results / "report.html").unlink()
    for run in before.runs[:2]:
        before.layout.record(run).unlink()
    before.snakemake("results/tiny/partial/report.html")
    study = Workflow(tmp_path / "study")
    publish(before.results, study.results)
    (run, other) = study.runs[:2]
    study.snakemake(str(study.layout.measured(run).relative_to(study.folder)))
    study.snakemake("results/tiny/partial/runs.parquet")
    rows = read_parquet(study.results / "partial" / "runs.parquet").to_pylist()
    there = {Run.from_coordinates(row) for row in rows}
    assert there == set(study.runs) - {other}
    assert "Nothing to be done" in study.snakemake("results/tiny/partial/runs.parquet")


def test_published_false_forgets_what_was_not_trained_here_and_true_brings_it_back(checkout):
    """Weights are trained where somebody asks for them."""
    prepare("digits", checkout.layout.data("digits"))
    path = checkout.layout.weights(checkout.run_at(size=16)).relative_to(checkout.folder)
    assert planned(checkout.snakemake(str(path))) == {"train": 1}
    checkout.config["published"] = False
    checkout.write()
    lock = checkout.folder / ".snakemake" / "locks" / "0.output.lock"
    lock.parent.mkdir(exist_ok=True)
    lock.write_text("")  # of another Snakemake, whose files these are
    assert "another Snakemake works in this folder" in checkout.snakemake("-n", fails=True)
    lock.unlink()
    said, again = checkout.snakemake("-n"), checkout.snakemake("-n")
    assert f"{RUNS - 1} published runs of results/tiny count no more" in said
    assert "count no more" not in again
    for plan in (said, again):
        assert planned(plan)["train"] == RUNS - 1  # one was trained here
    checkout.config["published"] = True
    checkout.write()
    again = checkout.planned(*TARGETS)
    assert "train" not in again and again["measure"] == 1  # of the new weights


def test_restored_files_that_were_all_deleted_are_restored_again(checkout):
    restore(checkout.layout, published_tables(checkout.results))
    files = list((checkout.results / "runs").rglob("*.parquet"))
    assert len(files) == RUNS
    for path in files:
        path.unlink()
    assert {"train", "measure"}.isdisjoint(checkout.planned(*TARGETS))


def test_starts_that_only_ask_restore_nothing(checkout):
    for asking in ("--lint", "--unlock", "--list-rules"):
        checkout.snakemake(asking)
    assert not (checkout.results / "runs").exists()


def test_a_pair_has_all_its_files(study):
    run = study.run_at(size=16)
    study.layout.record(run).unlink()
    pair = f"pair_{run.pair.replace('-', '_')}"
    assert study.planned(pair)["train"] == 1


def test_a_table_that_lacks_a_run_is_refused(checkout):
    path = checkout.results / "curves.parquet"
    table = read_parquet(path)
    write_parquet(path, table.filter(pc.not_equal(table["pair"], "0-1")), about(path))
    with pytest.raises(DamagedFileError, match="results/tiny is not whole: ") as refused:
        restore(checkout.layout, checkout.results)
    assert "Restore the folder from version control, or delete it." in str(refused.value)


def test_status_of_published_and_of_unfinished_runs(checkout, finished, tmp_path):
    def status(of: Workflow) -> str:
        command = [sys.executable, "-m", "workflow_scripts.status", "--folder", str(of.results)]
        return subprocess.run(
            command, cwd=of.repository, capture_output=True, text=True, check=True
        ).stdout

    (line,) = [line for line in status(checkout).splitlines() if " all " in line]
    assert line.split()[1:3] == [str(RUNS), str(RUNS)]
    study = finished.copy_to(tmp_path / "copy")
    run = study.run_at(size=16)
    study.layout.measured(run).unlink()
    other = study.run_at(size=32, regularizer="FPL")
    study.layout.record(other).unlink()
    study.layout.log("train", other).write_text("error: the disk is full\n")
    head, *lines = status(study).splitlines()
    (line,) = [line for line in lines if " all " in line]
    assert re.search(r"done +to measure +failed +runs", head)
    assert line.split()[1:5] == [str(RUNS - 2), "1", "1", str(RUNS)]
