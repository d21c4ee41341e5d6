"""Figure 1 and Figure 2: what they show, and that they are the same every time."""

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from smoothcore.files.storage import read_parquet
from smoothcore.measures import all_measures
from smoothcore.readable import power_of_ten, three_digits
from smoothcore.regularizers import all_regularizers
from smoothcore.results import FIGURES, selection, statistics, style, toy
from smoothcore.results.collected import Results
from smoothcore.results.figures import (
    all_figures,
    edge_figure,
    effects_figure,
    figure1,
    figure2,
    monotonicity_figure,
    r_norm_figure,
)
from smoothcore.results.paper import PAPER_TABLE1
from smoothcore.results.report import plots
from tests.synthetic_study import demo_study, paper_study, write_study


@pytest.fixture(scope="module")
def toy_networks():
    return {name: toy.train_toy(name).state.network for name in toy.RUNS}


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = write_study(tmp_path_factory.mktemp("study"), demo_study(), figures=False)
    return {
        name: read_parquet(folder / f"{name}.parquet").to_pandas()
        for name in ("grid", "runs", "measures")
    }


def draw_figure2(tables):
    return figure2(
        selection.optimality_values(tables["measures"], tables["grid"]),
        selection.interpolation_counts(tables["runs"], tables["grid"]),
    )


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_both_toy_networks_interpolate_and_the_smooth_one_is_smoother(toy_networks):
    for network in toy_networks.values():
        assert network.loss(*toy.training_set()) < toy.EPSILON
    smooth, rough = (toy.measure_toy(toy_networks[name]) for name in ("smooth", "rough"))
    assert list(smooth) == list(PAPER_TABLE1)
    for measure in smooth:
        assert smooth[measure].value < rough[measure].value


def test_toy_training_is_the_same_every_time(toy_networks):
    again = toy.train_toy("rough").state.network
    assert np.array_equal(again.W, toy_networks["rough"].W)
    assert np.array_equal(again.v, toy_networks["rough"].v)


@pytest.mark.parametrize("name", toy.RUNS)
def test_measures_of_a_toy_network_are_those_of_its_curve(toy_networks, name):
    """A point at the share p of the interval lies on a random segment of it with 2 p (1 − p)."""
    network = toy_networks[name].astype(np.float64)
    x = toy.interval(20_001)
    steps = np.diff(network(x))
    slopes = steps / np.diff(x[:, 0])
    p = np.linspace(0, 1, 20_001)
    middle = (p[1:] + p[:-1]) / 2
    expected = {
        "GN": np.abs(slopes).mean(),
        "FPL": np.abs(steps) @ (2 * middle * (1 - middle)),
        "GPL": np.abs(np.diff(slopes)) @ (2 * p * (1 - p))[1:-1],
    }
    measured = toy.measure_toy(network)
    for measure, value in expected.items():
        # GN is a mean over 1,001 points, the others over random segments
        limit = 4 * measured[measure].stderr if measure != "GN" else 0.01 * value
        assert abs(measured[measure].value - value) < limit, measure
    wp = np.abs(network.v) @ np.abs(network.W[0])
    assert measured["WP"].value == pytest.approx(wp)


def test_toy_networks_are_written(toy_networks, tmp_path):
    toy.write_networks(tmp_path / "toy.npz", toy_networks)
    arrays = np.load(tmp_path / "toy.npz")
    assert np.array_equal(arrays["smooth_W"], toy_networks["smooth"].W)
    assert len(arrays) == 8


def test_figure1_shows_points_functions_and_measures(toy_networks):
    figure = figure1(toy_networks)
    for axes, network in zip(figure.axes, toy_networks.values(), strict=True):
        function, points = axes.lines
        x, y = toy.training_set()
        assert np.array_equal(points.get_xdata(), x[:, 0])
        assert np.array_equal(points.get_ydata(), y)
        assert np.allclose(np.interp(x[:, 0], *function.get_data()), y, atol=0.03)
        gpl = toy.measure_toy(network)["GPL"].value
        assert f"GPL {three_digits(gpl)}" in texts(axes)[0]


def test_figure2_has_a_panel_per_regularizer_and_a_row_per_lambda(tables):
    figure = draw_figure2(tables)
    grid = demo_study().optimality.regularizers
    panels = {axes.get_title(loc="left"): axes for axes in figure.axes if axes.axison}
    assert set(panels) == set(grid)
    for regularizer, axes in panels.items():
        labels = [label.get_text() for label in axes.get_yticklabels()]
        assert labels == [power_of_ten(v) for v in (0, *sorted(grid[regularizer].lambdas))]
        bottom, top = axes.get_ylim()
        assert bottom > top  # λ = 0, at y = 0, is the first row
        assert all_regularizers()[regularizer].measure in axes.get_xlabel()


def test_boxes_of_figure2_hold_the_values_of_the_interpolating_runs(tables):
    measures = tables["measures"]
    axes = next(a for a in draw_figure2(tables).axes if a.get_title(loc="left") == "GN")
    shown = {}
    for line in axes.lines:
        if line.get_marker() == ".":
            row = round(float(np.mean(line.get_ydata())))
            shown[row] = sorted(line.get_xdata())
    for row, (regularizer, lambda_) in enumerate([("none", 0.0), ("GN", 1e-4), ("GN", 1e-3)]):
        expected = measures[
            (measures["regularizer"] == regularizer)
            & (measures["lambda"] == lambda_)
            & (measures["size"] == 240)
            & (measures["measure"] == "GN")
            & (measures["estimator"] == "sampled")
            & measures["interpolates"]
            & measures["main"]
        ]
        assert shown[row] == sorted(expected["value"])
    # two of three pairs do not interpolate at the largest λ (`synthetic_study.interpolates`)
    assert [t for t in texts(axes) if "/" in t] == ["3/3", "3/3", "1/3"]


def test_rows_without_an_interpolating_run_say_why(tables):
    runs = tables["runs"].copy()
    strong = (runs["regularizer"] == "WP") & (runs["lambda"] == 1e-4)
    runs.loc[strong, "interpolates"] = False
    missing = (runs["regularizer"] == "GN") & (runs["lambda"] == 1e-3)
    measures = tables["measures"].merge(
        runs[[*selection.COORDINATES, "interpolates"]], on=selection.COORDINATES
    )
    measures = measures.drop(columns="interpolates_x").rename(
        columns={"interpolates_y": "interpolates"}
    )
    gone = (measures["regularizer"] == "GN") & (measures["lambda"] == 1e-3)
    changed = {"grid": tables["grid"], "runs": runs[~missing], "measures": measures[~gone]}
    panels = {a.get_title(loc="left"): a for a in draw_figure2(changed).axes}
    assert "no run interpolates" in texts(panels["WP"])
    assert "no run yet" in texts(panels["GN"])
    assert len(panels["GN"].get_yticklabels()) == 3


@pytest.mark.parametrize("near", [True, False])
def test_the_lower_bound_is_drawn_or_pointed_to(near):
    values = pd.DataFrame(
        {"regularizer": "WP", "lambda": [0.0, 0.0, 0.0], "learning_rate": 0.01, "pair": "0-1",
         "size": 1, "seed": 0, "measure": "WP", "estimator": "exact",
         "value": [1.0, 5.0, 9.0] if near else [8.8, 8.9, 9.0]}
    )  # fmt: skip
    counts = pd.DataFrame(
        {"regularizer": ["WP"], "lambda": [0.0], "n_in_grid": [3], "n_present": [3],
         "n_interpolating": [3], "n_not_interpolating": [0]}
    )  # fmt: skip
    axes = figure2(values, counts).axes[0]
    dashed = [line for line in axes.lines if list(line.get_xdata()) == [0, 0]]
    assert len(dashed) == near
    assert any("l_S = 0" in text for text in texts(axes))


def test_a_study_without_optimality_still_has_a_figure(tables):
    grid = tables["grid"][~tables["grid"]["optimality"]]
    figure = draw_figure2(tables | {"grid": grid})
    assert "no optimality experiment" in texts(figure.axes[0])[0]


@pytest.fixture(scope="module")
def full_grid(tmp_path_factory):
    """Every figure of invented results of the paper's whole grid: 45 pairs, every measure."""
    study = paper_study()
    folder = write_study(tmp_path_factory.mktemp("full") / "paper", study, figures=False)
    results = Results(folder / "grid.parquet", folder)
    return {
        **all_figures(results),
        "taus": plots.tau_by_pair(results.made["kendall_tau"]),
        "estimators": plots.sampled_against_exact(results.measures),
        "curves": plots.loss_curves(results.curves, results.grid, 1e-5),
    }


@pytest.mark.parametrize("name", [*FIGURES, "taus", "estimators", "curves"])
def test_nothing_overlaps_or_runs_out_at_the_size_of_the_full_grid(full_grid, name):
    figure = full_grid[name]
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    page = figure.bbox.padded(2)
    boxes = [axes.get_tightbbox(renderer) for axes in figure.axes if axes.axison]
    for box in boxes:
        assert page.x0 <= box.x0 and box.x1 <= page.x1, name
        assert page.y0 <= box.y0 and box.y1 <= page.y1, name
    for axes in figure.axes:
        for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
            drawn = [t.get_window_extent(renderer) for t in labels if t.get_text()]
            for one, other in itertools.pairwise(drawn):
                assert not one.overlaps(other), (name, axes.get_title(loc="left"))


def test_a_run_that_is_missing_is_not_drawn_as_one_that_failed(tables):
    made = statistics.all_tables(**tables)
    edge, (gn, wp) = made["edge"], ({"regularizer": name} for name in ("GN", "WP"))
    for of, present, interpolating in ((gn, 0, 0), (wp, 2, 1)):
        rows = edge["regularizer"] == of["regularizer"]
        edge.loc[rows, ["n_present", "n_interpolating"]] = present, interpolating
    panels = by_panel(edge_figure(edge, {}))
    assert np.isnan(panels["GN"].lines[0].get_ydata()).all()
    assert set(panels["WP"].lines[0].get_ydata()) == {0.5}
    none = made["r_norm"][made["r_norm"]["regularizer"] != "GN"]
    assert texts(by_panel(r_norm_figure(none, edge))["GN"])[-1] == "no run yet"
    assert panels["WP"].get_title(loc="right") == "2, 2 of 3 runs"
    edge.loc[edge["regularizer"] == "GN", ["n_present", "lambda"]] = 1, np.nan
    assert texts(by_panel(r_norm_figure(none, edge))["GN"])[-1] == "no λ is reported yet"


def test_the_edge_of_a_penalty_without_a_run_is_drawn(tables):
    """Table 1 is trained first, and a cheap penalty before the others."""
    edge = statistics.all_tables(**tables)["edge"]
    numbers = ["r_norm_mean", "r_norm_low", "r_norm_high"]
    for rows in (edge["regularizer"] == "GN", edge["regularizer"] != ""):
        edge.loc[rows, numbers] = np.nan
        edge.loc[rows, ["n_present", "n_interpolating"]] = 0
        figure = edge_figure(edge, {})
        figure.canvas.draw()
        assert by_panel(figure)["GN"].get_title(loc="right").startswith("0")


def test_the_edge_makes_room_for_every_panel_where_the_first_is_empty(tables):
    edge = statistics.all_tables(**tables)["edge"]
    first = edge["regularizer"] == edge["regularizer"].iloc[0]
    edge.loc[first, ["r_norm_mean", "r_norm_low", "r_norm_high"]] = np.nan
    edge.loc[first, "n_interpolating"] = 0
    drawn = [
        (axes.get_ylim()[1], np.nanmax(line.get_ydata()))
        for axes in edge_figure(edge, {}).axes
        for line in axes.lines
        if np.isfinite(line.get_ydata()).any()
    ]
    assert max(highest for _, highest in drawn) > 0.6
    assert all(highest <= top for top, highest in drawn)


def by_panel(figure):
    return {a.get_title(loc="left").split(" ")[0]: a for a in figure.axes}


def test_monotonicity_shows_the_mean_over_seeds_of_each_pair_and_over_all(tables):
    measures, sizes = tables["measures"], demo_study().monotonicity.sizes
    panels = by_panel(monotonicity_figure(measures, tables["grid"]))
    assert set(panels) == set(all_measures())
    for name, axes in panels.items():
        of = measures[measures["main"] & (measures["measure"] == name)]
        of = of[of["estimator"] == all_measures()[name].main_estimator]
        of = of[(of["regularizer"] == "none") & of["size"].isin(sizes)]
        means = of.groupby(["pair", "size"])["value"].mean().unstack()
        drawn = [line.get_ydata() for line in axes.lines]
        np.testing.assert_allclose(drawn, [*means.to_numpy(), means.mean().to_numpy()])


def test_r_norm_shows_each_pair_without_and_with_its_penalty(tables):
    made = statistics.all_tables(**tables)
    axes = r_norm_figure(made["r_norm"], made["edge"]).axes
    names = list(demo_study().optimality.regularizers)
    assert len(axes) == 2 * len(names)
    for left, right in zip(axes[::2], axes[1::2], strict=True):
        name = left.get_title(loc="left")
        of, mean = (
            selection.main_rows(table[table["reported"] & (table["regularizer"] == name)])
            for table in (made["r_norm"], made["edge"])
        )
        assert len(of) > 1
        lines = [list(line.get_ydata()) for line in left.lines]
        assert lines == of[["unregularized", "regularized"]].to_numpy().tolist()
        ratios, ours, _ = (list(line.get_ydata()) for line in right.lines)
        assert (ratios, ours) == (of["r_norm"].tolist(), mean["r_norm_mean"].tolist())


def test_penalty_effects_are_the_means_with_their_intervals(tables):
    effects = statistics.all_tables(**tables)["penalty_effects"]
    for name, axes in by_panel(effects_figure(effects)).items():
        of = selection.main_rows(effects[effects["regularizer"] == name]).set_index("measure")
        for k, measure in enumerate(all_measures()):
            row, (bar, dot) = of.loc[measure], axes.lines[2 * k : 2 * k + 2]
            assert list(bar.get_xdata()) == [row["low"], row["high"]]
            assert list(dot.get_xdata()) == [row["mean"]] and list(dot.get_ydata()) == [k]


def test_penalty_effects_show_every_measure_once(full_grid):
    figure = full_grid["penalty_effects"]
    shown = [axes.get_title(loc="left") for axes in figure.axes if axes.axison]
    assert set(shown) == set(paper_study().optimality.regularizers)
    first = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert first == list(all_measures())


def test_each_row_of_penalty_effects_names_its_measures(tables, monkeypatch):
    monkeypatch.setattr(
        "smoothcore.results.figures.panels", lambda n, most, height: style.panels(n, 2, height)
    )
    effects = statistics.all_tables(**tables)["penalty_effects"]
    for axes in by_panel(effects_figure(effects)).values():
        labels = [of.get_text() for of in axes.get_yticklabels() if of.get_text()]
        is_first = axes.get_subplotspec().colspan.start == 0
        assert labels == (list(all_measures()) if is_first else [])


def test_a_penalty_without_a_reported_lambda_says_so_and_the_next_one_names_the_measures(tables):
    effects = statistics.all_tables(**tables)["penalty_effects"]
    first, second = effects["regularizer"].unique()[:2]
    effects.loc[effects["regularizer"] == first, ["mean", "low", "high"]] = np.nan
    panel = by_panel(effects_figure(effects))[first]
    assert texts(panel)[-1].startswith("no pair yet that interpolates")
    effects.loc[effects["regularizer"] == first, "lambda"] = np.nan
    panels = by_panel(effects_figure(effects))
    assert texts(panels[first])[-1] == "no λ is reported yet"
    labels = [label.get_text() for label in panels[second].get_yticklabels()]
    assert labels == list(all_measures())


def test_files_are_the_same_bytes_every_time(tables, tmp_path):
    names = ("figure.svg", "figure.pdf", "figure.png")
    for folder in ("a", "b"):
        style.save_figure(draw_figure2(tables), [tmp_path / folder / name for name in names])
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert "<dc:date>" not in (tmp_path / "a" / "figure.svg").read_text(encoding="utf-8")


def test_a_measure_has_the_same_colour_in_every_figure(tables):
    taus = statistics.kendall_taus(tables["measures"], tables["grid"])
    figures = [
        draw_figure2(tables),
        monotonicity_figure(tables["measures"], tables["grid"]),
        plots.tau_by_pair(taus),
        plots.sampled_against_exact(tables["measures"]),
    ]
    measure_of = {name: about.measure for name, about in all_regularizers().items()}
    measure_of |= {name: name for name in all_measures()}
    for figure in figures:
        colors = {
            measure_of[name]: label.get_color()
            for axes in figure.axes
            for label in (axes._left_title, *axes.get_xticklabels())
            for name in [label.get_text().split(" ")[0]]
            if name in measure_of
        }
        assert len(colors) > 1
        assert colors == {name: style.COLORS[name] for name in colors}


def test_the_mean_over_pairs_leaves_out_a_pair_that_lacks_a_size(tables):
    measures = tables["measures"]
    gone = (measures["pair"] == "0-1") & (measures["size"] == 128)
    for axes in by_panel(monotonicity_figure(measures[~gone], tables["grid"])).values():
        first, *others, mean = [line.get_ydata() for line in axes.lines]
        assert np.isnan(first).sum() == 1 and len(others) == 2
        np.testing.assert_allclose(mean, np.mean(others, axis=0))


def test_diamonds_mark_the_lambda_of_the_config_and_the_penalized_measure(tables):
    made = statistics.all_tables(**tables)

    def diamonds(figure, value):
        return {
            name: [x for line in axes.lines if line.get_marker() == "D" for x in value(line)]
            for name, axes in by_panel(figure).items()
        }

    found = diamonds(edge_figure(made["edge"], {"GN": (1e-3,)}), lambda line: line.get_xdata())
    assert found.pop("GN") == [1e-3] and not any(found.values())
    measures = list(all_measures())
    found = diamonds(effects_figure(made["penalty_effects"]), lambda line: line.get_ydata())
    assert {name: [measures[k] for k in rows] for name, rows in found.items()} == {
        name: [all_regularizers()[name].measure] for name in found
    }


def test_boxes_begin_at_five_dots_and_lambda_0_is_grey():
    values = pd.DataFrame(
        {"regularizer": "WP", "lambda": [0.0] * 5 + [1e-3] * 4, "learning_rate": 0.01,
         "pair": "0-1", "size": 1, "seed": 0, "measure": "WP", "estimator": "exact",
         "value": np.arange(9.0)}
    )  # fmt: skip
    counts = pd.DataFrame(
        {"regularizer": "WP", "lambda": [0.0, 1e-3], "n_in_grid": 5, "n_present": 5,
         "n_interpolating": [5, 4], "n_not_interpolating": [0, 1]}
    )  # fmt: skip
    axes = figure2(values, counts).axes[0]
    assert len(axes.patches) == 1
    dots = [line.get_color() for line in axes.lines if line.get_marker() == "."]
    assert dots == [style.MUTED, style.COLORS["WP"]]
