"""What an edit of the code, or a new file, makes stale in a finished study: what it can change."""

import re
from concurrent.futures import ThreadPoolExecutor

import pyarrow.compute as pc
import pytest

from smoothcore.files.storage import read_parquet
from tests.test_recipes import BLOCKS
from tests.workflow import (
    CONFIG,
    RUNS,
    TARGETS,
    Workflow,
    changes_said,
    copy_repository,
    planned,
    runs_planned,
    study_of,
)

pytestmark = pytest.mark.workflow

MEASURE = "smoothcore/measures/mg.py"
NEW_MEASURE = {MEASURE: BLOCKS[MEASURE]}
NEW_REGULARIZER = {name: text for name, text in BLOCKS.items() if "/regularizers/wd/" in name}
NEW_DATASET = {name: text for name, text in BLOCKS.items() if "/datasets/" in name}
NAMES = list(study_of(CONFIG).measures.names)

#: what is made of the collected tables: their colours and names are in them
SHOWN = {"make_tables", "make_figures", "make_report"}
ALL_LATER = {"collect", *SHOWN}


def with_a_comment(text: str) -> str:
    return text.replace("\nimport", "\n# why\nimport", 1)


def with_a_constant(text: str) -> str:
    return text + "\n\nEDITED = True\n"


def replaced(pattern: str, by: str):
    return lambda text: re.sub(pattern, by, text, count=1)


#: edits, runs to train, runs to measure, all other jobs, what the last lines say
CASES = {
    "what no result depends on": (
        {
            **NEW_DATASET,
            "smoothcore/measures/_segments.py": with_a_comment,
            "smoothcore/engines/tensorflow/engine.py": with_a_constant,
            "smoothcore/files/storage.py": with_a_constant,
            "smoothcore/workflow/start.py": with_a_constant,
        },
        0, 0, set(), [],
    ),
    "a new regularizer and a new measure": (
        NEW_REGULARIZER | NEW_MEASURE, 0, 0, SHOWN, [],
    ),
    "the step of one regularizer": (
        {"smoothcore/regularizers/fpl/sparse.py": with_a_constant}, 2, 2, ALL_LATER,
        ["training: its code changed (2 runs)"],
    ),
    "the cost of a regularizer": (
        {
            "smoothcore/regularizers/fpl/__init__.py": replaced(
                r'"sparse": [\d.]+', '"sparse": 9.9'
            )
        },
        0, 0, SHOWN, [],
    ),
    "the colour of a measure": (
        {"smoothcore/measures/gn.py": replaced(r'color="#\w+"', 'color="#123456"')},
        0, 0, SHOWN, [],
    ),
    "the images that a measure is defined on": (
        {"smoothcore/measures/gc.py": replaced("images=TRAINING", 'images="test"')},
        0, 0, ALL_LATER, [],
    ),
    "the look of the report": (
        {"smoothcore/results/report/page.html": lambda text: text + "<!-- edited -->"},
        0, 0, {"make_report"}, [],
    ),
    "what all measures share": (
        {"smoothcore/measures/_seen.py": with_a_constant}, 0, RUNS, ALL_LATER,
        [f"measuring: the code of {name} changed (8 runs)" for name in NAMES[:10]],
    ),
    "the training loop": (
        {"smoothcore/training/loop.py": with_a_constant}, RUNS, RUNS,
        ALL_LATER | {"make_figure1"},
        ["training: its code changed (8 runs)"],
    ),
    "a dataset": (
        {"smoothcore/datasets/digits.py": with_a_constant}, 0, 0, {"prepare_data"}, [],
    ),
    "the statistics": (
        {"smoothcore/results/statistics.py": with_a_constant}, 0, 0, SHOWN, [],
    ),
    "how tables are collected": (
        {"smoothcore/workflow/collecting.py": with_a_constant}, 0, 0, ALL_LATER, [],
    ),
    "the look of a figure": (
        {"smoothcore/results/figures.py": with_a_constant}, 0, 0,
        {"make_figures", "make_figure1", "make_report"}, [],
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def dry_runs(finished, tmp_path_factory):
    """What a dry run says of the finished study after each edit of a copy of the repository."""
    folder = tmp_path_factory.mktemp("edits")
    base = finished.copy_to(folder / "study")

    def dry_run(number, case):
        repository = copy_repository(folder / str(number), case[0])
        study = Workflow(base.folder, repository, base.config, f"{number}.yaml")
        return study.snakemake("--dry-run")

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(CASES, pool.map(dry_run, range(len(CASES)), CASES.values()), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_an_edit_makes_stale_what_it_can_change(dry_runs, name):
    _, trained, measured, later, changes = CASES[name]
    said = dry_runs[name]
    jobs = planned(said)
    assert (jobs.pop("train", 0), jobs.pop("measure", 0)) == (trained, measured)
    assert set(jobs) == later
    assert changes_said(said) == changes
    if name == "the step of one regularizer":
        assert all("FPL" in run for run in runs_planned(said))


def test_missing_runs_are_not_overlooked_behind_images_that_are_prepared_again(finished, tmp_path):
    edit = {"smoothcore/datasets/digits.py": with_a_constant}
    study = finished.copy_to(tmp_path / "study", copy_repository(tmp_path / "x", edit))
    run = study.run_at(size=16)
    for path in (study.layout.weights(run), study.layout.record(run), study.layout.measured(run)):
        path.unlink()
    dry, real = study.snakemake("--dry-run"), study.snakemake(fails=True)
    for said in (dry, real):
        assert "is to be prepared again, and Snakemake would make nothing else, though" in said
    alone = str(study.layout.data("digits").relative_to(study.folder))
    assert f"--force -- {alone}" in real
    assert planned(study.snakemake("--force", "--", alone)) == {"prepare_data": 1}
    assert study.planned()["train"] == 1


def rows_without(table, *measures):
    """The rows of a table of measures but those of some measures, as text."""
    for measure in measures:
        table = table.filter(pc.not_equal(table["measure"], measure))
    return table.to_pylist().__repr__()


def test_only_what_is_new_is_measured(study, tmp_path):
    """A new measure that the config names, and an edit of WP: the rows of the others stay."""
    layout, runs = study.layout, study.runs
    before = {run: read_parquet(layout.measured(run)) for run in runs}
    written = {run: layout.weights(run).stat().st_mtime_ns for run in runs}
    edits = NEW_MEASURE | {"smoothcore/measures/wp.py": with_a_constant}
    study.repository = copy_repository(tmp_path / "repository", edits)
    study.config["measures"]["names"] = [*NAMES, "MG"]
    study.write()
    targets = ("results/tiny/measures.parquet", *TARGETS)
    said = study.snakemake(*targets)
    jobs = planned(said)
    assert "train" not in jobs and jobs["measure"] == RUNS and "write_grid" in jobs
    assert sorted(changes_said(said)) == [
        "measuring: MG is new (8 runs)", "measuring: the code of WP changed (8 runs)"
    ]  # fmt: skip
    for run in runs:
        after, log = read_parquet(layout.measured(run)), layout.log("measure", run).read_text()
        kept = before[run].num_rows - pc.sum(pc.equal(before[run]["measure"], "WP")).as_py()
        assert f"measuring WP, MG, kept {kept} values" in log
        assert rows_without(after, "WP", "MG") == rows_without(before[run], "WP")
        assert set(after["measure"].to_pylist()) == {*NAMES, "MG"}
        assert layout.weights(run).stat().st_mtime_ns == written[run]
    table = read_parquet(study.results / "measures.parquet")
    assert "MG" in table["measure"].to_pylist()
    assert study.planned(*targets) == {}
