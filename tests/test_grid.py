from pathlib import Path

import yaml

from smoothcore.files.paths import Layout
from smoothcore.study import grid
from smoothcore.study.config import load_study
from smoothcore.study.run import Run

ROOT = Path(__file__).parent.parent


def paper():
    return load_study(yaml.safe_load((ROOT / "config.yaml").read_text()))


def test_the_paper_has_1575_runs():
    study = paper()
    assert len(list(grid.monotonicity_runs(study))) == 45 * 8 * 3
    assert len(list(grid.optimality_runs(study))) == 45 * (2 + 3 + 2 + 2 + 2)
    assert len(grid.all_runs(study)) == 1575


def test_the_table_tells_which_experiment_uses_a_run():
    table = grid.to_table(paper())
    assert len(table) == 1575
    assert table["monotonicity"].sum() == 1080
    assert table["optimality"].sum() == 495
    assert (table.loc[table["monotonicity"], "lambda"] == 0).all()
    baselines = table[table["optimality"] & (table["regularizer"] == "none")]
    assert sorted(baselines["learning_rate"].unique()) == [0.01, 0.1]


def test_every_run_has_its_own_files():
    layout, runs = Layout(Path("results/paper")), grid.all_runs(paper())
    for path_of in (layout.weights, layout.record, layout.curve, layout.measured):
        assert len({path_of(run) for run in runs}) == len(runs)


def test_a_path_reads_like_its_coordinates():
    run = Run("4-9", 1024, 0, "GN", 0.001, 0.01)
    assert Layout(Path("results/paper")).record(run) == Path(
        "results/paper/runs/pair=4-9/size=1024/seed=0/regularizer=GN/lambda-0.001_lr-0.01.parquet"
    )
