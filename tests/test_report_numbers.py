"""What the report's tables, plots and sentences show, column by column, from rows made by hand."""

import copy
import re

import pandas as pd
import pytest

from smoothcore.results import comparison, paper, style, terminal
from smoothcore.results.report import answer, compute, plots, tables
from smoothcore.results.selection import COORDINATES
from tests.synthetic_study import paper_study

NAN = float("nan")


def plain(text):
    return re.sub("<[^>]*>", "", str(text))


def cells(table):
    """The rows of a table as mappings of heads to cells."""
    heads = list(map(plain, table.heads))
    return [dict(zip(heads, row, strict=True)) for row in table.rows]


def shown(table):
    """The rows of a table as mappings of heads to texts, without what stands below a number."""
    return [
        {
            head: plain(re.sub("<small>.*?</small>", "", str(cell.text)))
            for head, cell in row.items()
        }
        for row in cells(table)
    ]


def small(table, row, head):
    """What stands below the number of a cell."""
    return re.findall("<small>(.*?)</small>", str(cells(table)[row][head].text))


TABLE1 = {
    "measure": "GN", "estimator": "sampled", "images": "test", "mean": 0.16, "std": 0.34,
    "low": 0.07, "high": 0.26, "seed_stderr": 0.01, "n_values": 135, "n_pairs": 45, "n_sizes": 8,
    "n_complete": 135, "n_in_grid": 135, "paper_mean": 0.16, "paper_std": 0.32,
}  # fmt: skip


@pytest.mark.parametrize("is_papers", [True, False])
@pytest.mark.parametrize(
    ("mean", "mark"), [(0.15, "✓ within"), (0.2, "▲ higher"), (0.1, "▼ lower")]
)
def test_table_1(mean, mark, is_papers):
    """The seeds allow 1.96 √2 0.01 = 0.03; the verdict is on the paper's study only."""
    table = tables.table1(pd.DataFrame([TABLE1 | {"mean": mean}]), is_papers=is_papers)
    (row,) = shown(table)
    difference = f"{mean - 0.16:+.2f} ± 0.03".replace("-", "−")
    assert row == {
        "Measure": "GN", "Ours, 95 %": f"{mean:.2f} ± 0.34", "": "", "Paper": "0.16 ± 0.32",
        "Ours − paper": difference + mark * is_papers, "Pairs": "45", "Sizes": "8",
        "τ so far": "135 of 135",
    }  # fmt: skip
    assert small(table, 0, "Ours, 95 %") == ["0.07 to 0.26"]


def test_the_strip_of_table_1_shows_ours_as_a_dot_and_the_papers_as_a_diamond():
    cell = tables.table1(pd.DataFrame([TABLE1 | {"mean": 0.5}]), is_papers=True).rows[0][2]
    # of −1 … 1 on 2 … 94
    assert '<circle class="ours" cx="71.0"' in cell.text
    assert 'class="paper" transform="translate(55.4 8)"' in cell.text
    assert 'class="interval" x1="51.2" x2="60.0"' in cell.text


TABLE2 = {
    "regularizer": "GPL-exact", "measure": "GPL", "estimator": "sampled", "lambda": 3.2e-4,
    "unregularized_mean": 2.7, "unregularized_low": 2.6, "unregularized_high": 2.8,
    "regularized_mean": 2.3, "regularized_low": 2.2, "regularized_high": 2.4, "lower_bound": 0.0,
    "r_norm_mean": 0.85, "r_norm_std": 0.06, "r_norm_low": 0.83, "r_norm_high": 0.87,
    "ratio_of_means": 0.86, "ratio_of_means_low": 0.84, "ratio_of_means_high": 0.88,
    "n_both": 44, "n_at_bound": 2, "n_matched": 43, "n_pairs": 42, "n_interpolating": 44,
    "n_in_grid": 45, "upper_bound": False, "paper_lambda": 3.2e-4, "paper_unregularized_mean": 2.62,
    "paper_regularized_mean": 2.35, "paper_r_norm_mean": 0.89, "paper_r_norm_std": 0.07,
}  # fmt: skip


def test_table_2():
    table = tables.table2(pd.DataFrame([TABLE2]), is_papers=True)
    (row,) = shown(table)
    assert row == {
        "Penalty": "GPL-exact", "λ": "3.2 × 10−4", "λ = 0": "2.70", "At λ": "2.30",
        "rnorm, 95\xa0%": "0.85 ± 0.06", "": "", "Paper": "0.89 ± 0.07",
        "Ours − paper": "−0.04▼ lower", "Ratio of means": "0.86", "Runs": "43 of 45",
        "At lS": "2 (≤ 0)",
    }  # fmt: skip
    below = {head: small(table, 0, head) for head in ("λ = 0", "At λ", "Ratio of means")}
    assert below == {
        "λ = 0": ["2.60 to 2.80", "paper 2.62"], "At λ": ["2.20 to 2.40", "paper 2.35"],
        "Ratio of means": ["0.84 to 0.88"],
    }  # fmt: skip
    assert small(table, 0, "rnorm, 95\xa0%") == ["0.83 to 0.87"]


def test_at_another_lambda_than_the_papers_there_is_no_difference_and_no_verdict():
    row = TABLE2 | {"lambda": 3.2e-5, "r_norm_mean": 0.98, "upper_bound": True}
    table = tables.table2(pd.DataFrame([row]), is_papers=True)
    (said,) = shown(table)
    assert (said["rnorm, 95\xa0%"], said["Ours − paper"]) == ("≤ 0.98 ± 0.06", "–")
    assert small(table, 0, "λ") == ["paper 3.2 × 10<sup>−4</sup>"]


def test_while_seeds_are_missing_they_do_not_tell_what_they_make_of_the_difference():
    row = TABLE1 | {"mean": 0.2, "n_values": 46, "n_complete": 46}
    (said,) = shown(tables.table1(pd.DataFrame([row]), is_papers=True))
    assert said["Ours − paper"] == "+0.04✓ within"  # its interval, 0.07 to 0.26


def test_some_tau_are_over_fewer_sizes():
    """A mean over other sizes than the paper's is not compared with it."""
    row = TABLE1 | {"mean": 0.5, "n_complete": 100}
    table = tables.table1(pd.DataFrame([row]), is_papers=True)
    (said,) = shown(table)
    assert (said["τ so far"], said["Ours − paper"]) == ("135 of 135", "–")
    assert small(table, 0, "τ so far") == ["100 over all sizes"]


def test_the_terminal_says_the_same(tmp_path, monkeypatch):
    bounded = TABLE2 | {"regularizer": "GPL", "upper_bound": True}
    pd.DataFrame([TABLE1 | {"mean": 0.2}]).to_csv(tmp_path / "table1.csv", index=False)
    pd.DataFrame([TABLE2, bounded]).to_csv(tmp_path / "table2.csv", index=False)
    monkeypatch.setattr(terminal, "_whose", lambda folder: (True, False))
    said = terminal.lines(tmp_path)
    rows = [re.split("  +", line.strip()) for line in said if "sampled" in line]
    assert rows[0] == [
        "GN", "sampled", "test", "0.20 ± 0.34", "0.07 to 0.26", "45", "8", "0.16 ± 0.32",
        "+0.04 ± 0.03", "higher", "135 of 135",
    ]  # fmt: skip
    assert rows[1] == [
        "GPL-exact", "GPL", "sampled", "3.2e-4", "2.70", "2.30", "0.85 ± 0.06", "0.83 to 0.87",
        "43 of 45", "0.89 ± 0.07", "−0.04", "lower", "0.86, 0.84 to 0.88", "2",
    ]  # fmt: skip
    assert rows[2][6] == "≤ 0.85 ± 0.06" and any(line.startswith("≤: an upper") for line in said)


def test_a_ratio_of_rates_says_which_is_above_the_line():
    row = {"learning_rate": 0.01, "other_rate": 0.1, "measure": "GPL", "estimator": "sampled",
           "mean": 0.67, "low": 0.66, "high": 0.69, "n_matched": 90, "n_pairs": 45}  # fmt: skip
    assert shown(tables.rates(pd.DataFrame([row]))) == [
        {"Learning rates": "0.1 / 0.01", "Pairs": "45", "GPL": "0.67"}
    ]


def test_the_jobs_of_the_workflow():
    kinds = pd.DataFrame(
        {"stage": ["train", "measure"], "regularizer": "GN", "jobs": [3, 2], "seconds": [9.0, 3.0],
         "median": [2.0, 1.5], "longest": [6.0, 1.6], "memory_mb": [300.0, NAN]}
    )  # fmt: skip
    table = tables.kinds(kinds)
    columns = ("Job", "Time", "Median", "Longest", "Peak memory")
    assert [[of[c] for c in columns] for of in shown(table)] == [
        ["train", "9.0 s", "2.0 s", "6.0 s", "300 MB"], ["measure", "3.0 s", "1.5 s", "1.6 s", "–"]
    ]  # fmt: skip
    widths = [re.search(r"width:([\d.]+)%", of[-1].text).group(1) for of in table.rows]
    assert widths == ["75.00", "25.00"]


def test_the_strip_of_table_2_is_drawn_from_0_to_1_2():
    cell = tables.table2(pd.DataFrame([TABLE2 | {"r_norm_mean": 0.6}]), is_papers=True).rows[0][5]
    assert '<circle class="ours" cx="48.0"' in cell.text  # the middle of 2 … 94


TAUS = pd.DataFrame(
    [
        ("0-1", 0, "GN", "sampled", 1.0), ("0-1", 1, "GN", "sampled", 0.5),
        ("0-1", 0, "GN", "exact", -1.0), ("2-3", 0, "WP", "exact", -0.25),
    ],
    columns=["pair", "seed", "measure", "estimator", "tau"],
)  # fmt: skip


def test_pair_by_pair():
    """Means over seeds, of the main estimators, at the reported λ."""
    r_norms = pd.DataFrame(
        [
            ("0-1", "FPL", "FPL", "sampled", 0.9, False),
            ("0-1", "FPL", "FPL", "sampled", 0.3, True),
            ("0-1", "FPL", "FPL", "exact", 0.1, True),
        ],
        columns=["pair", "regularizer", "measure", "estimator", "r_norm", "reported"],
    )
    assert shown(tables.pairs(TAUS, r_norms)) == [
        {"Pair": "0-1", "τ GN": "0.75", "τ WP": "–", "rnorm FPL": "0.30"},
        {"Pair": "2-3", "τ GN": "–", "τ WP": "−0.25", "rnorm FPL": "–"},
    ]


def test_runs_that_interpolate():
    row = {
        "regularizer": "GN", "lambda": 0.001, "n_in_grid": 45, "n_present": 40,
        "n_interpolating": 30, "n_not_interpolating": 10,
    }  # fmt: skip
    table = tables.counts(pd.DataFrame([row]))
    assert shown(table) == [
        {"Penalty": "GN", "λ": "10−3", "In the grid": "45", "So far": "40", "Interpolate": "30",
         "Do not": "10", "": ""}
    ]  # fmt: skip
    assert re.findall(r'class="(\w+)" style="width:([\d.]+)%', table.rows[0][-1].text) == [
        ("done", "66.67"), ("failed", "22.22"),
    ]  # fmt: skip


def test_where_the_compute_went(tmp_path):
    for k, (seconds, memory) in enumerate([(1.0, 300), (2.0, 100), (6.0, 200)]):
        path = tmp_path / "train" / "regularizer=GN" / f"{k}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"s\tmax_rss\n{seconds}\t{memory}\n")
    (found,) = compute.by_kind(compute.read_benchmarks(tmp_path)).to_dict("records")
    names = ("jobs", "seconds", "median", "longest", "memory_mb")
    assert [found[name] for name in names] == [3, 9.0, 2.0, 6.0, 300]
    runs = pd.DataFrame({"regularizer": "GN", "steps": [1000, 3000], "seconds": [1.0, 1.0]})
    assert shown(tables.steps(compute.steps_by_kind(runs))) == [
        {"Penalty": "GN", "Runs": "2", "Steps": "4,000", "Training time": "2.0 s",
         "µs per step": "500"}
    ]  # fmt: skip


# -- plots ----------------------------------------------------------------------------------------


def test_the_map_of_taus_shows_means_over_seeds_of_the_main_estimator():
    axes = plots.tau_by_pair(TAUS).axes[0]
    assert [text.get_text() for text in axes.texts] == ["0.75", "–", "–", "−0.25"]


RUN = {"pair": "0-1", "size": 64, "seed": 0, "regularizer": "none", "lambda": 0.0}
RUN |= {"learning_rate": 0.1}


def test_sampled_values_stand_over_exact_ones():
    rows = [
        RUN | {"seed": seed, "measure": "GPL", "estimator": estimator, "value": value}
        for seed, exact in enumerate((1.0, 2.0, 4.0))
        for estimator, value in (("exact", exact), ("sampled", 0.875 * exact))
    ]
    measures = pd.DataFrame(rows).assign(main=True, images="test", interpolates=True)
    (axes,) = plots.sampled_against_exact(measures).axes
    assert [t.get_text() for t in axes.texts] == ["median of sampled / exact: 0.875"]
    dots = next(line for line in axes.lines if line.get_marker() == ".")
    assert list(dots.get_xdata()) == [1, 2, 4] and list(dots.get_ydata()) == [0.875, 1.75, 3.5]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("exact", "sampled")


def test_loss_curves_stand_in_the_panel_of_their_penalty():
    runs = [RUN, RUN | {"size": 128}, RUN | {"regularizer": "GN", "lambda": 0.01}]
    curves = pd.DataFrame(
        run | {"epoch": epoch, "running_loss": (k + 1) / epoch}
        for k, run in enumerate(runs)
        for epoch in (1, 2, 4)
    )
    figure = plots.loss_curves(curves, pd.DataFrame(runs)[COORDINATES], 1e-5)
    drawn = {
        axes.get_title(loc="left"): [
            list(line.get_ydata()) for line in axes.lines if len(line.get_ydata()) == 3
        ]
        for axes in figure.axes
    }
    assert drawn == {"λ = 0": [[1, 0.5, 0.25], [2, 1, 0.5]], "penalty GN": [[3, 1.5, 0.75]]}


def test_loss_curves_are_darker_for_more_images_and_epsilon_is_marked():
    runs = [RUN | {"size": size} for size in (64, 128, 256, 512, 1024)]
    curves = pd.DataFrame(r | {"epoch": e, "running_loss": 1 / e} for r in runs for e in (1, 2))
    axes = plots.loss_curves(curves, pd.DataFrame(runs)[COORDINATES], 1e-5).axes[0]
    assert [1e-5, 1e-5] in [list(line.get_ydata()) for line in axes.lines]
    legend = axes.get_legend()
    labels = zip(legend.get_texts(), legend.get_lines(), strict=True)
    assert {text.get_text(): line.get_color() for text, line in labels} == {
        "$n$ = 64": style.SEQUENCE[0], "$n$ = 1,024": style.SEQUENCE[-1],
    }  # fmt: skip


def test_colours_of_the_map_run_from_minus_1_to_1():
    assert plots.tau_by_pair(TAUS[1:2]).axes[0].collections[0].get_clim() == (-1, 1)


# -- sentences ------------------------------------------------------------------------------------


def test_findings_are_of_the_main_estimators():
    taus = [TABLE1 | {"mean": 1.0}, TABLE1 | {"estimator": "exact", "mean": 0.0}]
    penalties = [TABLE2, TABLE2 | {"estimator": "exact", "r_norm_mean": 0.0, "n_at_bound": 9}]
    gn, gpl = answer.findings(pd.DataFrame(taus), pd.DataFrame(penalties))
    assert (gn.measure, gn.tau.mean, gn.regularizer) == ("GN", 1.0, "")
    assert (gpl.measure, gpl.r_norm.mean, gpl.n_at_bound) == ("GPL", 0.85, 2)
    assert (gpl.regularizer, gpl.lambda_) == ("GPL-exact", 3.2e-4)


def test_the_strongest_effects_and_the_measures_lowered_most_often():
    rows = [
        ("GN", "GN", "GN", "sampled", 0.1), ("GN", "GN", "FPL", "sampled", 0.5),
        ("GN", "GN", "FPL", "exact", 0.2), ("GN", "GN", "GPL", "sampled", 0.8),
        ("GN", "GN", "WP", "exact", 1.5),
        ("WP", "WP", "FPL", "sampled", 0.6), ("WP", "WP", "GN", "sampled", 1.2),
        ("PN", "PN", "CR", "exact", 1.01),
    ]  # fmt: skip
    names = ["regularizer", "penalized", "measure", "estimator", "mean"]
    effects = pd.DataFrame(rows, columns=names).assign(n_pairs=45, n_matched=45)
    effects["low"], effects["high"] = effects["mean"] - 0.05, effects["mean"] + 0.05
    first, second = answer.on_effects(effects.assign(**{"lambda": 0.01, "std": 0.1}))
    assert "Of 6 effects" in first and "below 1 in 3 and above 1 in 2" in first
    assert "penalty GN lowers FPL most (×\xa00.500" in first
    assert "penalty GN raises WP most (×\xa01.500" in first
    assert second.startswith("Of all measures FPL is lowered most often, by 2 penalties")
    assert second.endswith("; WP, GN and CR by none.")
    assert len(answer.on_effects(effects[effects["regularizer"] != "PN"])) == 1


# -- the paper ------------------------------------------------------------------------------------


def test_the_numbers_of_the_paper():
    """Table 1 and Table 2, typed a second time."""
    taus = {name: (of.mean, of.std) for name, of in paper.PAPER_TABLE1.items()}
    nothing = pytest.approx(NAN, nan_ok=True)
    assert taus == {
        "GN": (0.16, 0.32), "FPL": (0.07, 0.46), "GPL": (1.0, nothing), "WP": (1.0, nothing),
    }  # fmt: skip
    assert {name: tuple(of) for name, of in paper.PAPER_TABLE2.items()} == {
        "GN": (1e-3, 0.01, 0.93, 0.29, 0.31, 0.13), "FPL": (3.2e-3, 0.1, 1.17, 1.05, 0.33, 0.27),
        "GPL": (3.2e-4, 0.1, 2.62, 2.35, 0.89, 0.06), "WP": (3e-5, 0.01, 12.84, 11.57, 0.90, 0.03),
    }  # fmt: skip


#: the paper does not state them, or a study may choose
FREE = (
    r"name|mnist_dir|published|training\.(engine|max_epochs)"
    r"|optimality\.(search|regularizers\..*\.lambda)"
)
FREE += r"|measures\.names"


def changed(value):
    if isinstance(value, list | tuple):
        return [*value, value[-1]]
    return f"other {value}" if isinstance(value, str) else value * 2


def test_a_study_with_another_setting_is_not_the_papers():
    study = paper_study().to_dict()
    keys = [k for k in comparison.flattened(study) if not re.fullmatch(FREE, k)]
    assert len(keys) == 18
    for key in keys:
        *path, last = key.split(".")
        inner = other = copy.deepcopy(study)
        for name in path:
            inner = inner[name]
        inner[last] = changed(inner[last])
        assert len(comparison.differences(other)) == 1, key
