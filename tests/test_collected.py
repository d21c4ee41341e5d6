"""What is read back from a folder of results is what was computed."""

import shutil

import pandas as pd
import pytest

from smoothcore.errors import DamagedFileError
from smoothcore.results import TABLES, statistics
from smoothcore.results.collected import Results
from smoothcore.results.figures import all_figures
from tests.synthetic_study import demo_study, write_study


@pytest.fixture(scope="module", params=[True, False], ids=["all runs", "no run"])
def folder(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("collected") / "demo"
    return write_study(folder, demo_study(), present=lambda run: request.param, figures=False)


def test_tables_are_read_as_they_were_computed_to_the_last_bit(folder):
    results = Results(folder / "grid.parquet", folder)
    computed = statistics.all_tables(results.measures, results.runs, results.grid)
    made = results.made
    assert list(made) == list(TABLES) == list(computed)
    for name, table in made.items():
        # a text column without values has no type in the file
        expected = computed[name].replace("", float("nan"))
        pd.testing.assert_frame_equal(table, expected, check_exact=True, check_dtype=False)


def test_a_table_that_ends_within_a_row_is_damaged(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "cut")
    path = tmp_path / "cut" / "edge.csv"
    row = f"{','.join(pd.read_csv(path).columns)}\nGN,GN,sampled"
    path.write_text(row)
    with pytest.raises(DamagedFileError, match=r"edge\.csv is damaged"):
        _ = Results(folder / "grid.parquet", path.parent).made


def test_figures_show_the_numbers_of_the_tables(folder):
    results = Results(folder / "grid.parquet", folder)
    edge = results.made["edge"]
    edge.loc[edge["reported"], ["r_norm_mean", "r_norm_low", "r_norm_high"]] = 0.125
    rings = [
        list(line.get_ydata())
        for axes in all_figures(results)["edge"].axes
        for line in axes.lines
        if line.get_markersize() == 10 and len(line.get_ydata())
    ]
    shown = edge[edge["reported"] & edge["lambda"].notna()]
    assert rings == [[0.125]] * shown["regularizer"].nunique()
