"""The report: its numbers are the data's, its answer follows, its page needs no other file."""

import errno
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau

from smoothcore.errors import DamagedFileError
from smoothcore.files.storage import read_parquet, write_parquet
from smoothcore.results import comparison, selection, style, terminal
from smoothcore.results.collected import Results
from smoothcore.results.comparison import Compared
from smoothcore.results.report import answer, compute, page, provenance, svg
from smoothcore.study.grid import all_runs
from tests.synthetic_study import demo_study, interpolates, paper_study, value_of, write_study
from tests.test_report_numbers import TABLE2
from workflow_scripts import make_report, show_tables


class Page(HTMLParser):
    """The tags of a page with their attributes, and the numbers marked for tests."""

    def __init__(self, text):
        super().__init__()
        self.text, self.tags, self.cells, self._open = text, [], {}, None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        if "data-cell" in attributes:
            self._open = attributes["data-cell"]
            self.cells[self._open] = [attributes.get("data-value"), ""]

    def handle_data(self, data):
        if self._open:
            self.cells[self._open][1] = data
            self._open = None

    def ids(self):
        return [attributes["id"] for _, attributes in self.tags if "id" in attributes]


def report_of(folder, tables=None):
    return Page(page.render(Results(folder / "grid.parquet", tables or folder)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("report")
    return write_study(root / "results" / "demo", demo_study(), per_run=True)


@pytest.fixture(scope="module")
def whole(folder):
    return report_of(folder)


@pytest.fixture(scope="module")
def measures(folder):
    return read_parquet(folder / "measures.parquet").to_pandas()


# ---- numbers


def test_taus_on_the_page_are_those_of_the_measures(whole, measures):
    sizes = demo_study().monotonicity.sizes
    main = measures[measures["main"]]
    for (measure, estimator), of in main.groupby(["measure", "estimator"]):
        unregularized = of[(of["regularizer"] == "none") & of["size"].isin(sizes)]
        taus = [
            kendalltau(cell["size"], cell["value"]).statistic
            for _, cell in unregularized.groupby(["pair", "seed"])
        ]
        assert len(taus) == 6
        value, shown = whole.cells[f"table1.{measure}.{estimator}"]
        assert float(value) == pytest.approx(np.mean(taus))
        expected = f"{np.mean(taus):.2f} ± {np.std(taus, ddof=1):.2f}".replace("-", "−")
        assert shown == expected


def test_r_norm_on_the_page_is_that_of_the_measures(whole, measures):
    bounds = {"GN": 0, "FPL": 1, "GPL": 0, "WP": 0}
    reported = {"GN": 1e-4, "FPL": 1e-4, "GPL": 1e-4, "WP": 1e-4}  # 1e-3: one pair of three is left
    keys = ["pair", "seed"]
    measures = measures[measures["main"]]
    for name, lambda_ in reported.items():
        estimator = "exact" if name == "WP" else "sampled"
        of = measures[(measures["measure"] == name) & (measures["estimator"] == estimator)]
        of = of[(of["size"] == 240) & of["interpolates"]].set_index(keys)
        regularized = of[(of["regularizer"] == name) & (of["lambda"] == lambda_)]
        before = of.loc[of["regularizer"] == "none"].set_index("learning_rate", append=True)
        after = regularized.set_index("learning_rate", append=True)["value"]
        before = before["value"].reindex(after.index)
        ratio = ((after - bounds[name]) / (before - bounds[name])).mean()
        key = f"table2.{name}.{estimator}"
        assert float(whole.cells[f"{key}.unregularized"][0]) == pytest.approx(before.mean())
        assert float(whole.cells[f"{key}.regularized"][0]) == pytest.approx(after.mean())
        assert float(whole.cells[f"{key}.r_norm"][0]) == pytest.approx(ratio)
        assert whole.cells[f"{key}.regularized"][1] == f"{after.mean():.2f}"


def test_effects_on_the_page_are_those_of_the_table(whole, folder):
    effects = selection.main_rows(pd.read_csv(folder / "penalty_effects.csv"))
    cells = {name: value for name, (value, _) in whole.cells.items() if name.startswith("effects.")}
    assert len(cells) == len(effects) > 0
    for row in effects.to_dict("records"):
        assert float(cells["effects.{regularizer}.{measure}".format(**row)]) == row["mean"]


def test_runs_are_counted(whole):
    runs = all_runs(demo_study())
    assert whole.cells["runs.all"][1] == str(len(runs)) == whole.cells["runs.present"][1]
    assert whole.cells["runs.missing"][1] == "0"
    assert f"0</span> missing; {len(runs)} measured" in whole.text
    assert "mnist_dir" not in whole.text  # a path of this machine
    failed = sum(not interpolates(run) for run in runs)
    assert f"one by one ({failed})" in whole.text and failed > 0
    (row,) = re.findall(r'<th scope="row">optimality</th>(.*?)</tr>', whole.text, re.DOTALL)
    *_, out_of_epochs, _ = re.findall(r">([\d,]+)</td>", row)
    assert out_of_epochs == str(failed)


# ---- half a grid, an empty grid, another study


@pytest.fixture(scope="module")
def half(tmp_path_factory, folder):
    """Every second run, in the folder of partial results."""
    root = tmp_path_factory.mktemp("half") / "results" / "demo"
    kept = set(all_runs(demo_study())[::2])
    tables = write_study(
        root, demo_study(), present=kept.__contains__, subfolder="partial", figures=folder
    )
    return report_of(root, tables), len(kept)


def test_half_a_grid_says_how_much_is_missing(half):
    shown, kept = half
    asked = len(all_runs(demo_study()))
    assert f"Part of a grid: {kept} of {asked} runs are finished" in shown.text
    assert re.search(rf"{asked - kept}\s+are missing", shown.text)
    assert shown.cells["runs.missing"][1] == str(asked - kept)


def test_a_whole_grid_has_no_banner_of_missing_runs(whole):
    assert "Part of a grid" not in whole.text
    assert "No λ for" not in whole.text
    assert 'class="banner partial"' not in whole.text


def test_an_empty_grid_still_makes_a_page(tmp_path, folder):
    write_study(tmp_path, demo_study(), present=lambda run: False, figures=folder)
    shown = report_of(tmp_path)
    assert "An empty grid: 0 of" in shown.text
    assert "So these results do not answer the question yet." in shown.text
    assert "No λ for GN, FPL, GPL, GPL-exact, WP yet:" in shown.text
    body = shown.text.split("<main>")[1].replace('data-value="nan"', "")
    assert not re.search(r"\bnan\b", body, re.IGNORECASE)


def test_a_study_without_optimality(tmp_path, folder):
    study = demo_study().model_copy(update={"optimality": None})
    write_study(tmp_path, study, figures=folder)
    shown = report_of(tmp_path)
    assert "The study has no optimality experiment." in shown.text
    assert re.search(r"For GN, FPL, .* no .*norm.* can be told", shown.text)


def test_another_study_than_the_papers_says_so(whole):
    assert "This is not the paper's study." in whole.text
    differences = comparison.differences(demo_study().to_dict())
    assert ("dataset", "digits", "mnist") in differences
    assert ("number of pairs", 3, 45) in differences
    assert ("training.epsilon", 1e-5, 1e-5) not in differences


def test_the_papers_study_does_not_differ_from_the_papers():
    assert comparison.differences(paper_study().to_dict()) == []


def test_an_experiment_that_is_off_differs():
    study = paper_study().model_copy(update={"monotonicity": None}).to_dict()
    assert ("monotonicity.sizes", "off", PAPER_SIZES) in comparison.differences(study)


PAPER_SIZES = [64, 128, 256, 512, 1024, 2048, 4096, 8192]


# ---- the answer


def finding(measure, tau, r_norm, spread=0.02, n_pairs=45, upper_bound=False):
    def compared(value, **counts):
        if value != value:
            return Compared(value)
        return Compared(value, 0.1, value - spread, value + spread, n_pairs=n_pairs, **counts)

    return answer.Finding(
        measure, compared(tau, n_sizes=8), compared(r_norm, upper_bound=upper_bound), measure, 1e-3
    )


NAN = float("nan")


@pytest.mark.parametrize(
    ("tau", "r_norm", "optimized"),
    [
        (1.0, 0.9, "yes"),
        (0.1, 0.9, "no"),
        (1.0, 0.3, "no"),
        (0.8, 0.9, "undecided"),
        (1.0, 0.81, "undecided"),
        (1.0, NAN, "undecided"),
        (NAN, 0.3, "no"),
        (NAN, NAN, "unknown"),
    ],
)
def test_what_follows_from_both_tests(tau, r_norm, optimized):
    assert finding("GN", tau, r_norm).optimized == optimized


def test_the_papers_numbers_give_the_papers_answer():
    first, second, third = answer.sentences(
        [
            finding("GN", 0.16, 0.31),
            finding("FPL", 0.07, 0.33),
            finding("GPL", 1.0, 0.89),
            finding("WP", 1.0, 0.90),
        ]
    )
    assert re.search(
        r"larger its GPL \(.*\) and WP \(.*\): τ is at 0\.8 or above; "
        r"GN \(.*\) and FPL \(.*\) do not rise consistently: τ is below 0\.8", first
    )  # fmt: skip
    assert re.search(
        r"Of GN .* and FPL .* a penalty takes away much of .*: r_norm is below 0\.8; "
        r"of GPL .* and WP .* a penalty takes away little of .*: r_norm is at 0\.8 or above", second
    )  # fmt: skip
    assert "45\xa0pairs" in first and "8\xa0sizes" in first
    assert third == (
        "So these results support that SGD implicitly optimizes for smoothness in terms of GPL and "
        "WP, and speak against it for GN and FPL."
    )


def test_other_numbers_give_another_answer():
    first, second, third = answer.sentences([finding("GN", 0.95, 0.9), finding("WP", -0.5, 0.2)])
    assert "larger its GN" in first
    assert "WP (τ\xa0=\xa0−0.50" in first
    assert "does not rise" in first
    assert "f WP (r_norm\xa0=\xa00.20" in second and "takes away much" in second
    assert "in terms of GN, and speak against it for WP." in third


def test_few_pairs_carry_no_verdict():
    few = [finding("GN", 1.0, 0.5, n_pairs=3), finding("WP", 1.0, 0.9, n_pairs=3)]
    first, second, third = answer.sentences(few)
    assert first.startswith("For GN (τ")
    assert "the pairs or sizes are too few for a verdict on τ" in first
    assert "the pairs are too few for a verdict on r_norm" in second
    assert third == (
        "So these results are too few for an answer: it takes 10 pairs, and 4 sizes for τ."
    )
    assert {f.optimized for f in few} == {"too-few"}


def test_an_upper_bound_of_r_norm_does_not_support():
    bounded = finding("WP", 1.0, 0.95, upper_bound=True)
    assert (bounded.near_optimum, bounded.optimized) == ("so-far", "so-far")
    second, third = answer.sentences([bounded])[1:]
    assert second.startswith("Of WP ")
    assert "a penalty, at the λ tried (WP 1e-3), takes away little" in second
    assert third == (
        "So these results support that SGD implicitly optimizes for smoothness in terms of WP up "
        "to the λ tried."
    )
    low = finding("GN", 0.1, 0.3, upper_bound=True)
    assert low.near_optimum == "no"  # what is lowered that far needs no larger λ
    assert finding("GN", 1.0, 0.81, upper_bound=True).near_optimum == "undecided"
    assert finding("GN", 0.8, 0.95, upper_bound=True).optimized == "undecided"
    third = answer.sentences([finding("GPL", 1.0, 0.9), bounded, low])[2]
    assert third == (
        "So these results support that SGD implicitly optimizes for smoothness in terms of GPL, "
        "support it for WP up to the λ tried, and speak against it for GN."
    )
    third = answer.sentences([bounded, low])[2]
    assert third.endswith("of WP up to the λ tried, and speak against it for GN.")
    second = answer.sentences([finding("GN", 0.95, 0.9)])[1]
    assert re.match(r"Of GN \(.*\) a penalty takes away little of ", second)


def test_of_several_penalties_the_one_that_lowers_a_measure_most_counts(tmp_path):
    """Beside a penalty that barely lowers GPL one that lowers it stands in the same table."""
    rows = [
        TABLE2 | {"regularizer": name, "n_pairs": 45, "n_at_bound": 0, "r_norm_mean": mean,
                  "r_norm_low": mean - 0.02, "r_norm_high": mean + 0.02, "upper_bound": True}
        for name, mean in (("GPL", 0.9), ("GPL-exact", 0.4))
    ]  # fmt: skip
    table1 = pd.DataFrame(columns=["measure", "estimator"])

    def chosen(*rows):
        (found,) = answer.findings(table1, pd.DataFrame(rows))
        return found.regularizer

    assert chosen(*rows) == "GPL-exact"
    assert chosen(rows[0], rows[1] | {"n_pairs": 3}) == "GPL"
    assert chosen(rows[0] | {"r_norm_mean": NAN}, rows[1] | {"n_pairs": 3}) == "GPL-exact"
    assert chosen(*(row | {"r_norm_mean": NAN} for row in rows)) == "GPL"
    # a smaller mean that may lie on either side of the bar does not hide one surely below it
    assert chosen(rows[0] | {"r_norm_mean": 0.3, "r_norm_high": 0.85}, rows[1]) == "GPL-exact"


def test_what_several_penalties_leave_is_an_upper_bound_while_one_of_them_may_leave_less():
    GPL, exact = (
        TABLE2 | {"regularizer": name, "n_pairs": 45, "n_at_bound": 0, "r_norm_mean": mean,
                  "r_norm_low": 0.88, "r_norm_high": 0.95}
        for name, mean in (("GPL", 0.91), ("GPL-exact", 0.93))
    )  # fmt: skip
    table1 = pd.DataFrame(columns=["measure", "estimator"])
    for bound, outcome in ((False, "yes"), (True, "so-far")):
        table2 = pd.DataFrame([GPL, exact | {"upper_bound": bound}])
        (found,) = answer.findings(table1, table2)
        assert (found.regularizer, found.near_optimum) == ("GPL", outcome)


def test_runs_below_the_bound_make_no_verdict_alone():
    """Of a measure below its bound the ratio grows with what the penalty takes away."""
    swung = replace(finding("FPL", 1.0, 1.67), n_at_bound=15, ratio_of_means=Compared(-0.1))
    assert swung.near_optimum == swung.optimized == "undecided"
    both = Compared(0.3, low=0.2, high=0.4, n_pairs=45)
    assert replace(finding("FPL", 1.0, 0.3), n_at_bound=1).near_optimum == "undecided"
    agreeing = replace(finding("FPL", 1.0, 0.3), n_at_bound=1, ratio_of_means=both)
    assert agreeing.near_optimum == "no"


def test_a_rate_that_reaches_less_of_a_supported_measure_is_told_beside_the_answer():
    rates = pd.DataFrame(
        [
            (0.01, 0.1, "GPL", "sampled", 0.67, 0.66, 0.69, 45),
            (0.1, 0.01, "GPL", "sampled", 1.5, 1.4, 1.6, 45),
            (0.1, 0.01, "WP", "exact", 0.8, 0.78, 0.82, 45),
            (0.01, 0.1, "GN", "sampled", 0.2, 0.1, 0.3, 45),
        ],
        columns=["learning_rate", "other_rate", "measure", "estimator", "mean", "low", "high",
                 "n_pairs"],
    )  # fmt: skip
    found = [finding("GPL", 1.0, 0.9, upper_bound=True), finding("WP", 1.0, 0.9),
             finding("GN", 0.1, 0.3)]  # fmt: skip
    assert answer.at_other_rates(found, rates, 0.01) == (
        "But at the learning rate 0.01, that of Table 1, SGD is not near the optimum of GPL: at "
        "0.1, without a penalty, it leaves 0.67 of it (0.66 to 0.69)."
    )
    assert "0.01 SGD" in answer.at_other_rates(found, rates, 0.1)
    assert answer.at_other_rates(found, rates.assign(n_pairs=9), 0.01) == ""


def test_an_undecided_measure_of_enough_pairs_is_not_too_few():
    undecided, few = finding("GN", 0.8, 0.81), finding("WP", 1.0, 0.9, n_pairs=3)
    third = answer.sentences([undecided, few])[2]
    assert third == "So these results do not answer the question yet."


@pytest.mark.parametrize(
    ("found", "third"),
    [
        ([finding("GN", NAN, NAN)], "So these results do not answer the question yet."),
        (
            [finding("GN", 0.1, 0.1), finding("WP", 0.8, 0.8), finding("FPL", NAN, NAN)],
            "So these results speak against implicit optimization for smoothness in terms of GN, "
            "and leave it open for WP and FPL.",
        ),
    ],
)
def test_an_open_answer_is_left_open(found, third):
    assert answer.sentences(found)[2] == third


def test_the_page_answers_from_its_data(tmp_path, folder, whole, monkeypatch):
    """GN that grows fast and resists its penalty is found to be optimized for; FPL < l_S is not."""
    assert re.search(r'class="card GN".*?too few pairs or sizes', whole.text, re.DOTALL)
    assert "</sub> for FPL" not in whole.text

    def value(run, measure, estimator):
        invented = {"GN": np.log2(run.size), "FPL": 0.9}
        return invented.get(measure, value_of(run, measure, estimator))

    study = demo_study().model_copy(update={"pairs": paper_study().pairs[:12]})
    write_study(tmp_path, study, value=value, figures=folder)
    shown = report_of(tmp_path)
    assert re.search(r'class="card GN".*?✓ supported', shown.text, re.DOTALL)
    assert re.search(r'id="sentence-3">[^<]*in terms of GN', shown.text)
    assert re.search(r"In \d+ runs FPL lies at or below its lower bound", shown.text)
    assert np.isnan(float(shown.cells["card.FPL.r_norm"][0]))
    assert np.isnan(float(shown.cells["table2.FPL.sampled.r_norm"][0]))
    # a verdict against the paper's numbers is on the paper's study only
    assert 'class="mark' not in shown.text
    monkeypatch.setattr(comparison, "differences", lambda study: [])
    assert 'class="mark' in report_of(tmp_path).text


def test_of_two_penalties_on_a_measure_the_one_with_its_name_counts(folder):
    table2 = pd.read_csv(folder / "table2.csv")
    found = answer.findings(pd.read_csv(folder / "table1.csv"), table2)
    (gpl,) = [f for f in found if f.measure == "GPL"]
    of = table2[(table2["measure"] == "GPL") & (table2["estimator"] == "sampled")]
    assert set(of["regularizer"]) == {"GPL", "GPL-exact"}
    assert gpl.regularizer == "GPL"
    assert gpl.r_norm.mean == of.set_index("regularizer").loc["GPL", "r_norm_mean"]


def test_measures_without_a_penalty_are_told_apart_by_their_tau():
    def other(*arguments, **options):
        return replace(finding(*arguments, NAN, **options), regularizer="")

    found = [
        finding("WP", 1.0, 0.9), other("CR", 1.0), other("RN", 0.9), other("SN", 0.1),
        other("LG", 0.8), other("GC", 1.0, n_pairs=3), other("PN", NAN),
    ]  # fmt: skip
    assert answer.on_other_measures(found) == (
        "Measures without a penalty of their own: τ is at 0.8 or above for CR and RN; τ is below "
        "0.8 for SN; τ may be on either side of 0.8 for LG; the pairs or sizes are too few for a "
        "verdict on GC; no τ can be told for PN."
    )
    assert answer.on_other_measures(found[:1]) == ""


def test_rates_on_the_page_are_those_of_the_table(tmp_path, whole, folder):
    study = paper_study().model_copy(update={"pairs": paper_study().pairs[:3]})
    write_study(tmp_path, study, figures=folder)
    page = report_of(tmp_path)
    rates = selection.main_rows(pd.read_csv(tmp_path / "rate_effects.csv"))
    cells = {name: value for name, (value, _) in page.cells.items() if name.startswith("rates.")}
    assert len(cells) == len(rates) > 0
    for row in rates.to_dict("records"):
        key = "rates.{learning_rate:g}.{other_rate:g}.{measure}".format(**row)
        assert float(cells[key]) == row["mean"]
    assert re.search(r'id="rate-1">At the learning rate 0\.1, beside 0\.01', page.text)
    assert "The study has no two rates to compare yet." in whole.text


def test_the_sentences_on_learning_rates_follow_from_their_effects():
    effects = pd.DataFrame(
        {
            "learning_rate": 0.01, "other_rate": 0.1, "measure": ["GN", "FPL", "GPL", "WP"],
            "estimator": ["sampled", "sampled", "sampled", "exact"], "mean": [0.8, 1.0, 0.6, 1.3],
            "low": [0.7, 0.9, 0.5, 1.2], "high": [0.9, 1.1, 0.7, 1.4], "n_pairs": 45,
        }
    )  # fmt: skip
    (said,) = answer.on_rates(effects)
    assert said.replace("\xa0", " ") == (
        "At the learning rate 0.1, beside 0.01 (45 pairs): smaller are GPL (× 0.60, 0.50 to 0.70) "
        "and GN (× 0.80, 0.70 to 0.90); larger WP (× 1.30, 1.20 to 1.40); neither beyond chance "
        "FPL (× 1.00, 0.90 to 1.10)."
    )
    back = effects.assign(learning_rate=0.1, other_rate=0.01)
    assert answer.on_rates(pd.concat([effects, back])) == [said]
    few = answer.on_rates(effects.assign(n_pairs=3))
    assert few[1:] == ["Fewer than 10 pairs are too few for a verdict."]
    third = effects.assign(other_rate=0.05, n_pairs=3)
    assert answer.on_rates(pd.concat([third, effects])) == [
        said, "4 effects on fewer than 10 pairs are left out."
    ]  # fmt: skip
    assert answer.on_rates(effects.iloc[:0]) == []
    assert answer.on_rates(effects.assign(n_pairs=1, low=NAN, high=NAN)) == []


def test_a_measure_with_the_values_of_the_penalized_one_is_no_other():
    effects = pd.DataFrame(
        {
            "regularizer": "WP", "lambda": 1e-5, "penalized": "WP", "measure": ["WP", "RN", "PN"],
            "estimator": "exact", "mean": [0.9, 0.9, 0.8], "std": 0.1, "low": [0.85, 0.85, 0.7],
            "high": [0.95, 0.95, 0.9], "n_matched": 45, "n_pairs": 45,
        }
    )  # fmt: skip
    assert answer.on_effects(effects)[0].startswith("Of 1 effects")


EFFECTS = pd.DataFrame(
    {
        "regularizer": "GN", "lambda": 1e-3, "penalized": "GN",
        "measure": ["GN", "GPL", "WP"], "estimator": ["sampled", "sampled", "exact"],
        "mean": [0.4, 0.7, 1.2], "std": 0.1, "low": [0.3, 0.6, 1.1], "high": [0.5, 0.8, 1.3],
        "n_matched": 45, "n_pairs": 45,
    }
)  # fmt: skip


def test_the_sentences_on_other_measures_follow_from_the_effects():
    (first,) = answer.on_effects(EFFECTS)
    assert "Of 2 effects" in first and "below 1 in 1 and above 1 in 1" in first
    assert "the penalty GN lowers GPL most (×\xa00.700, 0.600 to 0.800, 45 pairs)" in first
    assert "the penalty GN raises WP most (×\xa01.200" in first
    few = answer.on_effects(EFFECTS.assign(n_pairs=3))[1]
    assert few == "Fewer than 10 pairs are too few for a verdict."
    none = answer.on_effects(EFFECTS.assign(low=0.9, high=1.1))
    assert "below 1 in 0 and above 1 in 0" in none[0]
    assert len(none) == 1
    # an effect on few pairs is no record where others are on enough; one pair has no interval
    few = answer.on_effects(EFFECTS.assign(n_pairs=[45, 9, 45]))
    assert "Of 1 effects" in few[0] and "lowers" not in few[0] and "raises WP most" in few[0]
    assert few[1] == "1 effect on fewer than 10 pairs is left out."
    (one,) = answer.on_effects(EFFECTS.assign(n_pairs=1, low=NAN, high=NAN))
    assert one.startswith("No penalty can be compared yet")


def test_a_number_of_the_answer_stands_with_its_interval():
    always = Compared(1.0, 0.0, 1.0, 1.0, n_pairs=45, n_sizes=8)
    found = [finding("GN", 0.16, 0.31), replace(finding("GPL", 1.0, 0.9), tau=always)]
    first, second, _ = (s.replace("\N{NO-BREAK SPACE}", " ") for s in answer.sentences(found))
    assert "GN (τ = 0.16, 0.14 to 0.18, 45 pairs, 8 sizes)" in first
    assert "GPL (τ = 1.00, without exception, 45 pairs, 8 sizes)" in first
    assert "GN (r_norm = 0.31, 0.29 to 0.33, 45 pairs)" in second


def test_too_few_sizes_are_too_few_whatever_r_norm_says():
    few = Compared(1.0, 0.0, 1.0, 1.0, n_pairs=45, n_sizes=3)
    found = replace(finding("GPL", 1.0, 0.9), tau=few)
    assert (found.rises, found.near_optimum, found.optimized) == ("too-few", "yes", "too-few")


def test_ten_pairs_and_four_sizes_are_enough():
    enough = Compared(0.2, 0.1, 0.1, 0.3, paper_mean=0.2, n_pairs=10, n_sizes=4)
    assert enough.verdict == "within"
    assert replace(enough, n_pairs=9).too_few and replace(enough, n_sizes=3).too_few
    (first,) = answer.on_effects(EFFECTS.assign(n_pairs=[45, 10, 45]))
    assert "Of 2 effects" in first
    rates = EFFECTS[1:2].assign(n_pairs=10, learning_rate=0.01, other_rate=0.1, low=0.6, high=0.7)
    assert "GPL" in answer.at_other_rates([finding("GPL", 1.0, 0.9)], rates, 0.01)


def test_of_no_pair_there_is_no_bound():
    row = TABLE2 | {"r_norm_mean": NAN, "r_norm_std": NAN, "n_pairs": 0, "upper_bound": True}
    assert comparison.compared(row, "r_norm_").ours == "–"


def test_tables_of_another_study_are_not_judged_as_the_papers(tmp_path):
    write_study(tmp_path, demo_study(), figures=False)
    grid = tmp_path / "grid.parquet"
    write_parquet(grid, read_parquet(grid).replace_schema_metadata(), paper_study().to_dict())
    said = "\n".join(terminal.lines(tmp_path))
    assert "This is not the paper's study" in said and "The study was changed since" in said


# ---- comparison with the paper


@pytest.mark.parametrize(
    ("low", "high", "paper", "verdict"),
    [
        (0.1, 0.3, 0.2, "within"),
        (0.21, 0.3, 0.2, "higher"),
        (0.1, 0.19, 0.2, "lower"),
        (0.204, 0.3, 0.2, "within"),  # 0.20 as it is shown
        (NAN, NAN, 0.2, ""),
        (0.1, 0.3, NAN, ""),
    ],
)
def test_against_our_interval(low, high, paper, verdict):
    ours = Compared(0.2, 0.1, low, high, paper_mean=paper, n_pairs=45)
    assert ours.verdict == verdict
    assert replace(ours, n_pairs=9).verdict == ""
    assert replace(ours, n_sizes=3).verdict == ""


def test_over_the_same_pairs_only_the_seeds_differ():
    ours = Compared(0.2, 0.4, 0.1, 0.3, seed_stderr=0.01, paper_mean=0.16, n_pairs=45)
    assert ours.by_seeds == pytest.approx(1.96 * np.hypot(0.01, 0.01))
    assert (ours.verdict, ours.difference) == ("higher", "+0.04 ± 0.03")
    assert replace(ours, paper_mean=0.17).verdict == "within"
    assert replace(ours, paper_mean=0.24).verdict == "lower"
    other_pairs = replace(ours, n_pairs=44)
    assert (other_pairs.verdict, other_pairs.difference) == ("within", "+0.04")


# ---- the page


def test_the_page_needs_no_other_file(whole):
    for tag, attributes in whole.tags:
        for name in ("src", "href", "srcset", "data", "action", "poster"):
            value = attributes.get(name, "")
            assert not value or value.startswith(("#", "data:")), (tag, value)
    assert "@import" not in whole.text
    assert not re.search(r"url\((?!#)", whole.text)


def test_ids_are_unique_and_references_resolve(whole):
    ids = whole.ids()
    assert len(ids) == len(set(ids))
    wanted = re.findall(r'(?:href="#|url\(#|aria-labelledby=")([^")]+)', whole.text)
    assert wanted
    assert set(wanted) <= set(ids)


def test_every_figure_says_what_it_shows(whole):
    pictures = [a for tag, a in whole.tags if tag == "svg" and a.get("role") == "img"]
    assert len(pictures) == 8  # Figure 1 is not there
    assert all(len(a["aria-label"]) > 40 for a in pictures)
    assert not [tag for tag, _ in whole.tags if tag == "img"]


def test_every_table_has_heads_with_a_scope(whole):
    heads = [attributes for tag, attributes in whole.tags if tag == "th"]
    assert heads
    assert all(attributes.get("scope") in ("row", "col") for attributes in heads)


def test_colours_of_figures_follow_the_theme(whole):
    theme = dict(re.findall(r"--([\w-]+): light-dark\((#\w+), #\w+\);", svg.theme()))
    for name, color in style.COLORS.items():
        assert theme[f"color-{name}"].lower() == color.lower()
    for i, color in enumerate(style.SEQUENCE):
        assert theme[f"sequence-{i}"].lower() == color.lower()
    assert str(svg.theme()) in whole.text
    body = whole.text.split("<main>")[1]
    for color in (style.INK, style.MUTED, style.FAINT, *style.COLORS.values(), *style.SEQUENCE):
        assert color.lower() not in body.lower()
    # every variable that is used is defined
    used = set(re.findall(r"var\(--([\w-]+)\)", whole.text))
    defined = set(re.findall(r"--([\w-]+):", whole.text))
    assert used <= defined


def test_colours_stand_out_from_both_grounds():
    def luminance(color):
        parts = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))

    for name, *colors in re.findall(r"--(color-[\w-]+): light-dark\((#\w+), (#\w+)\)", svg.theme()):
        for color, ground in zip(colors, ("#ffffff", "#181c21"), strict=True):
            one, other = sorted((luminance(color), luminance(ground)))
            # WCAG asks for 3 : 1 of lines and marks
            assert (other + 0.05) / (one + 0.05) >= 2.9, (name, color)


def test_every_figure_says_where_its_numbers_lie(whole, folder):
    named = re.findall(r"numbers: <code>([\w.]+)</code>", whole.text)
    figures = [tag for tag, a in whole.tags if tag == "svg" and a.get("role") == "img"]
    assert len(named) >= len(figures)
    for name in named:
        assert (folder / name).exists() or name == "toy.npz", name


def test_a_missing_table_is_named(tmp_path):
    write_study(tmp_path, demo_study(), figures=False)
    (tmp_path / "table2.csv").unlink()
    with pytest.raises(DamagedFileError, match=r"table2\.csv does not exist"):
        report_of(tmp_path)


def test_the_scripts(folder, tmp_path, monkeypatch, capsys):
    output = tmp_path / "copy" / "report.html"
    shutil.copytree(folder, tmp_path / "copy")
    argv = ["make_report", "--grid", folder / "grid.parquet", "--folder", tmp_path / "copy"]
    monkeypatch.setattr("sys.argv", [*map(str, argv)])
    assert make_report.main() == 0
    assert output.read_text(encoding="utf-8").startswith("<!doctype html>")

    monkeypatch.setattr("sys.argv", ["show_tables", "--folder", str(folder)])
    assert show_tables.main() == 0
    shown = capsys.readouterr().out
    row = pd.read_csv(folder / "table1.csv").iloc[0]
    assert re.search(rf"GN +sampled +test +{row['mean']:.2f} ± {row['std']:.2f}", shown)
    assert "0.16 ± 0.32" in shown
    for row in pd.read_csv(folder / "table2.csv").to_dict("records"):
        means = f"{row['unregularized_mean']:.2f} +{row['regularized_mean']:.2f}"
        ratio = f"{row['r_norm_mean']:.2f} ± {row['r_norm_std']:.2f}"
        interval = f"{row['r_norm_low']:.2f} to {row['r_norm_high']:.2f}"
        names = "{regularizer} +{measure} +{estimator}".format(**row)
        # the paper's numbers are of the main estimators
        lambda_ = "1e-4" + r" \(paper [1-9.]+e-\d\)" * (row["paper_r_norm_mean"] > 0)
        numbers = f"{ratio} +{interval}".replace("-", "−")
        pattern = rf"{names} +{lambda_} +{means} +(≤ )?{numbers} +{row['n_matched']} of 3 "
        assert re.search(pattern, shown), pattern
    assert "not the paper's study" in shown
    assert str(folder / "figure2.svg") in shown

    monkeypatch.setattr("sys.argv", ["show_tables", "--folder", str(tmp_path / "none")])
    assert show_tables.main() == 1
    assert "does not exist" in capsys.readouterr().err


def test_a_damaged_grid_is_named(folder, tmp_path, monkeypatch, capsys):
    for name in ("table1.csv", "table2.csv", "grid.parquet"):
        shutil.copy(folder / name, tmp_path)
    content = (tmp_path / "grid.parquet").read_bytes()
    monkeypatch.setattr("sys.argv", ["show_tables", "--folder", str(tmp_path)])
    for damaged in (content[:-50], content[:-40] + b"\xff" * 8 + content[-32:]):
        (tmp_path / "grid.parquet").write_bytes(damaged)
        assert show_tables.main() == 1
        assert "grid.parquet is damaged" in capsys.readouterr().err


def test_tables_of_what_the_study_was_say_so(tmp_path, monkeypatch, capsys):
    write_study(tmp_path, demo_study(), figures=False)
    monkeypatch.setattr("sys.argv", ["show_tables", "--folder", str(tmp_path)])
    assert show_tables.main() == 0
    assert "The study was changed" not in capsys.readouterr().out
    grid, settings = tmp_path / "grid.parquet", demo_study().to_dict()
    settings["training"]["epsilon"] = 1e-7
    write_parquet(grid, read_parquet(grid).replace_schema_metadata(), settings)
    assert show_tables.main() == 0
    assert "The study was changed since" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (lambda text: text[5:], "table1.csv or table2.csv"),
        (bytes.upper, "table1.csv or table2.csv"),
        (lambda text: text[:-40], "table1.csv"),
        (lambda text: text.rstrip() + b",7\n", "table1.csv"),
        (lambda text: b"\xff\xfe", "table1.csv"),
    ],
)
def test_a_damaged_table_is_named(folder, tmp_path, monkeypatch, capsys, damage, named):
    for name in ("table1.csv", "table2.csv"):
        shutil.copy(folder / name, tmp_path)
    path = tmp_path / "table1.csv"
    path.write_bytes(damage(path.read_bytes()))
    monkeypatch.setattr("sys.argv", ["show_tables", "--folder", str(tmp_path)])
    assert show_tables.main() == 1
    assert f"{named} is damaged" in capsys.readouterr().err


def test_a_table_that_may_not_be_read_is_named(folder, monkeypatch, capsys):
    def refuse(path, *arguments, **options):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr("sys.argv", ["show_tables", "--folder", str(folder)])
    monkeypatch.setattr(Path, "open", refuse)
    assert show_tables.main() == 1
    assert "table1.csv cannot be read: permission denied" in capsys.readouterr().err


def show(folder, *options, **environment):
    """What `show_tables` prints in a process of its own."""
    command = [sys.executable, *options, "-m", "workflow_scripts.show_tables", "--folder", folder]
    return subprocess.run(
        command, cwd=Path(__file__).parent.parent, env=os.environ | environment, check=True,
        capture_output=True,
    ).stdout  # fmt: skip


def test_a_reader_that_has_seen_enough(folder):
    command = [sys.executable, "-m", "workflow_scripts.show_tables", "--folder", str(folder)]
    process = subprocess.Popen(
        command, cwd=Path(__file__).parent.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() in (0, 1)


def test_tables_in_a_terminal_of_plain_ascii(folder):
    shown = show(folder, PYTHONIOENCODING="ascii").decode("ascii")
    assert "Table 1. Kendall's tau" in shown and "<= 0.9" in shown
    assert "?" not in shown
    rows = shown.split("Table 2")[1].splitlines()[2:]
    start = rows[0].index("at lambda")
    assert re.fullmatch(r"\d+\.\d\d", rows[2][start : start + 8].strip())


def test_a_table_without_a_usable_run_names_no_images(folder, tmp_path):
    for name in ("table1.csv", "table2.csv"):
        shutil.copy(folder / name, tmp_path / name)
    table = pd.read_csv(tmp_path / "table1.csv")
    table.assign(images="", mean=NAN).to_csv(tmp_path / "table1.csv", index=False)
    assert "nan" not in show(tmp_path, PYTHONIOENCODING="utf-8").decode()


def test_tables_need_no_installed_package_and_find_partial_ones(folder, tmp_path):
    for name in ("table1.csv", "table2.csv"):
        (tmp_path / "partial").mkdir(exist_ok=True)
        shutil.copy(folder / name, tmp_path / "partial" / name)
    shown = show(tmp_path, "-S", PYTHONIOENCODING="utf-8").decode()
    assert "0.16 ± 0.32" in shown
    assert "No verdict: only grid.parquet" in shown and "higher" not in shown


# ---- provenance and compute


def test_the_commit_of_a_repository(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)  # which may ask for signatures
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")

    def git(*arguments):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    assert provenance.git_commit(tmp_path) == "not in a git repository"
    git("init", "-q")
    (tmp_path / "results").mkdir()
    for name in ("file", "results/published"):
        (tmp_path / name).write_text("1")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    commit = git("rev-parse", "HEAD")
    (tmp_path / "results" / "published").write_text("2")
    assert provenance.git_commit(tmp_path) == commit
    (tmp_path / "file").write_text("2")
    assert provenance.git_commit(tmp_path) == f"{commit}, modified"
    (tmp_path / "below").mkdir()
    assert provenance.git_commit(tmp_path / "below") == "not in a git repository"
    with monkeypatch.context() as distrusted:
        distrusted.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
        assert provenance.git_commit(tmp_path) == "unknown: git refuses to say"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance.git_commit(tmp_path) == "unknown: git is not there"


def test_libraries_of_the_training_are_counted(folder):
    runs = read_parquet(folder / "runs.parquet").to_pandas()
    assert provenance.training_libraries(runs) == [("sparse: numba 0.1, numpy 0.2", len(runs))]


def test_benchmarks_are_summed_by_kind(folder):
    found = compute.by_kind(compute.read_benchmarks(folder / "benchmarks"))
    runs = read_parquet(folder / "runs.parquet").to_pandas()
    for regularizer, of in runs.groupby("regularizer"):
        row = found[found["regularizer"] == regularizer].iloc[0]
        assert row["jobs"] == len(of)
        assert row["seconds"] == pytest.approx((of["seconds"] + 1).sum(), abs=0.01)
        assert row["memory_mb"] == 183.5


def test_benchmarks_cut_short_are_skipped(tmp_path):
    (tmp_path / "train").mkdir()
    for name, text in (
        ("empty", ""),
        ("head", "s\th:m:s\tmax_rss\n"),
        ("cut", "s\th:m:s\tmax_rss\n1.5\t0:0"),
        ("short", "s\th:m:s\tmax_rss\tcpu_time\n0.2\t0:00:00\tNA\tNA\n"),
    ):
        (tmp_path / "train" / f"{name}.tsv").write_text(text)
    found = compute.read_benchmarks(tmp_path)
    assert sorted(found["seconds"]) == [0.2, 1.5]
    assert found["memory_mb"].isna().all()
    assert compute.read_benchmarks(tmp_path / "none").empty


def test_jobs_of_training_come_first_and_others_are_called_as_their_rule(tmp_path):
    names = ("collect.tsv", "measure/regularizer=WP/a.tsv", "train/regularizer=WP/a.tsv")
    for name in (*names, "train/regularizer=none/a.tsv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("s\tmax_rss\tcpu_time\n1.5\t10\t1\n")
    found = compute.by_kind(compute.read_benchmarks(tmp_path))
    shown = list(zip(found["stage"], found["regularizer"], strict=True))
    assert shown == [("train", "none"), ("train", "WP"), ("measure", "WP"), ("collect", "")]
