from pathlib import Path

import yaml

from smoothcore.files.paths import Layout
from smoothcore.study import grid
from smoothcore.study.config import load_study
from smoothcore.study.run import Run
from tests.synthetic_study import paper_study
from tests.workflow import REPOSITORY


def test_the_paper_has_1575_runs():
    study = paper_study()
    assert len(list(grid.monotonicity_runs(study))) == 45 * 8 * 3
    assert len(list(grid.optimality_runs(study))) == 45 * (2 + 3 + 2 + 2 + 2)
    assert len(grid.all_runs(study)) == 1575


def test_the_table_tells_which_experiment_uses_a_run():
    table = grid.to_table(paper_study())
    assert len(table) == 1575
    assert table["monotonicity"].sum() == 1080
    assert table["optimality"].sum() == 495
    assert (table.loc[table["monotonicity"], "lambda"] == 0).all()
    baselines = table[table["optimality"] & (table["regularizer"] == "none")]
    assert sorted(baselines["learning_rate"].unique()) == [0.01, 0.1]


def test_every_run_has_its_own_files():
    layout, runs = Layout(Path("results/paper")), grid.all_runs(paper_study())
    for path_of in (layout.weights, layout.record, layout.curve, layout.measured):
        assert len({path_of(run) for run in runs}) == len(runs)


def test_a_path_reads_like_its_coordinates():
    run = Run("4-9", 1024, 0, "GN", 0.001, 0.01)
    assert Layout(Path("results/paper")).record(run) == Path(
        "results/paper/runs/pair=4-9/size=1024/seed=0/regularizer=GN/lambda-0.001_lr-0.01.parquet"
    )


# -- the search for the edge of interpolation


def searched(search, **changes):
    """Two pairs, two seeds, and the λ of one regularizer: 1e-3 is the largest."""
    config = yaml.safe_load((REPOSITORY / "config.yaml").read_text())
    config |= {"pairs": ["0-1", "4-9"], "monotonicity": None}
    grids = {"GN": {"lambda": [1e-3, 1e-4], "learning_rate": 0.01}}
    config["optimality"] |= {"seeds": [0, 1], "regularizers": grids, "search": search} | changes
    return load_study(config)


def step(lambda_, regularizer="GN", rate=0.01):
    pairs_and_seeds = [("0-1", 0), ("0-1", 1), ("4-9", 0), ("4-9", 1)]
    return [Run(pair, 10_000, seed, regularizer, lambda_, rate) for pair, seed in pairs_and_seeds]


def known(lambda_, interpolating):
    """The four runs at λ, of which the first ``interpolating`` interpolate."""
    return {run: k < interpolating for k, run in enumerate(step(lambda_))}


def asked(study, known):
    """The runs that the search asks for beyond the grid."""
    steps = grid.search_steps(study, known.get)
    return sorted(set(grid.all_runs(study, steps)) - set(grid.all_runs(study)))


def test_the_ladder_rises_from_the_largest_lambda_by_half_a_decade():
    ladder = grid.search_lambdas(searched({}), "GN")
    assert ladder == [0.00316, 0.01, 0.0316, 0.1, 0.316, 1.0]


def test_the_ladder_stays_below_the_largest_lambda_that_is_allowed():
    study = searched(
        {"factor": 10, "max_steps": 20},
        regularizers={"WP": {"lambda": [3e4], "learning_rate": 0.1}},
    )
    assert grid.search_lambdas(study, "WP") == [3e5]


def test_steps_of_a_ladder_differ_after_rounding():
    ladder = grid.search_lambdas(searched({"factor": 1.1, "max_steps": 20}), "GN")
    assert len(set(ladder)) == 20
    assert ladder[:3] == [0.0011, 0.00121, 0.00133]


def test_no_search_asks_for_nothing():
    assert asked(searched(None), known(1e-3, 4) | known(1e-4, 4)) == []
    assert asked(paper_study(), {}) == []


def test_the_search_starts_when_the_largest_lambda_is_complete_and_half_of_it_interpolates():
    study = searched({})
    assert asked(study, {}) == []
    assert asked(study, known(1e-4, 4)) == []
    assert asked(study, known(1e-3, 4) | {step(1e-3)[0]: None}) == []
    assert asked(study, known(1e-3, 1)) == []
    assert asked(study, known(1e-3, 2)) == step(0.00316)


def test_a_step_is_asked_for_as_a_whole_until_it_is_complete():
    study = searched({})
    so_far = known(1e-3, 4) | dict(list(known(0.00316, 4).items())[:3])
    assert asked(study, so_far) == step(0.00316)


def test_the_search_ends_with_the_first_lambda_that_most_do_not_survive():
    study = searched({})
    so_far = known(1e-3, 4) | known(0.00316, 2) | known(0.01, 1)
    assert asked(study, so_far) == sorted([*step(0.00316), *step(0.01)])


def test_the_search_ends_with_the_last_step():
    study = searched({"factor": 10, "max_steps": 2})
    so_far = known(1e-3, 4) | known(0.01, 4) | known(0.1, 4)
    assert asked(study, so_far) == sorted([*step(0.01), *step(0.1)])


def test_each_regularizer_is_searched_for_itself():
    grids = {
        "GN": {"lambda": [1e-3], "learning_rate": 0.01},
        "FPL": {"lambda": [1e-3], "learning_rate": 0.1},
    }
    study = searched({}, regularizers=grids)
    so_far = dict.fromkeys(step(1e-3, "FPL", 0.1), True) | known(1e-3, 1)
    assert asked(study, so_far) == step(0.00316, "FPL", 0.1)


def test_the_table_says_that_a_search_belongs_to_optimality():
    table = grid.to_table(searched({}), {"GN": 1})
    rows = table[table["lambda"] == 0.00316]
    assert len(rows) == 4
    assert rows["optimality"].all()
    assert not rows["monotonicity"].any()


def test_a_run_is_read_back_from_its_coordinates_as_numbers_or_as_text():
    run = Run("4-9", 1024, 0, "GN", 1e-5, 0.01)
    assert Run.from_coordinates(run.coordinates) == run
    assert Run.from_coordinates({name: str(v) for name, v in run.coordinates.items()}) == run
