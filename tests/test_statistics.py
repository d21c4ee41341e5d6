"""Kendall's τ, the reported λ, r_norm and their tables, on small grids worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from smoothcore.measures import all_estimates, all_measures
from smoothcore.results import selection, statistics
from smoothcore.results.paper import PAPER_TABLE1, PAPER_TABLE2

NAN = float("nan")


class Study:
    """Builds the three tables run by run."""

    def __init__(self):
        self.grid_rows, self.run_rows, self.measure_rows = [], [], []

    def add(
        self, pair, size, seed, regularizer, lambda_, learning_rate, experiments,
        status="interpolated", **values,
    ):  # fmt: skip
        """One run of the grid; ``status=None`` where it is missing; values as GN_sampled=…"""
        run = dict(
            zip(
                selection.COORDINATES,
                (pair, size, seed, regularizer, lambda_, learning_rate),
                strict=True,
            )
        )
        self.grid_rows.append(run | {name: name in experiments for name in selection.EXPERIMENTS})
        if status is None:
            return
        interpolates = status == "interpolated"
        self.run_rows.append(run | {"status": status, "interpolates": interpolates, "epochs": 7})
        for name, value in values.items():
            measure, estimator = name.split("_")
            self.measure_rows.append(
                run
                | {"measure": measure, "estimator": estimator, "value": value}
                | {"stderr": 0.1, "n_samples": 1000, "interpolates": interpolates}
                | {"images": "test", "network": "trained", "main": True}
            )

    def monotonicity(self, pair, size, seed=0, status="interpolated", **values):
        self.add(pair, size, seed, "none", 0.0, 0.01, ["monotonicity"], status, **values)

    def optimality(
        self, pair, regularizer, lambda_, learning_rate, status="interpolated", **values
    ):
        self.add(
            pair, 10_000, 0, regularizer, lambda_, learning_rate, ["optimality"], status, **values
        )

    @property
    def grid(self):
        return pd.DataFrame(self.grid_rows)

    @property
    def runs(self):
        return pd.DataFrame(self.run_rows)

    @property
    def measures(self):
        return pd.DataFrame(self.measure_rows)

    def taus(self, measure="GPL", estimator="sampled"):
        taus = statistics.kendall_taus(self.measures, self.grid)
        of = taus[(taus["measure"] == measure) & (taus["estimator"] == estimator)]
        return {
            (row.pair, row.seed): (row.tau, row.n_sizes, row.n_sizes_in_grid)
            for row in of.itertuples()
        }


@pytest.fixture
def study():
    return Study()


def row(table, **keys):
    """The only row of a table with these values."""
    for name, value in keys.items():
        table = table[table[name] == value]
    assert len(table) == 1
    return table.iloc[0]


def table_of_penalties(study):
    return statistics.penalties(study.measures, study.runs, study.grid)


class TestKendall:
    def test_by_hand(self, study):
        for pair, seed, values in (
            ("0-1", 0, (1.0, 2.0, 3.0)),
            ("0-1", 1, (1.0, 3.0, 2.0)),  # two pairs of sizes agree, one does not
            ("2-3", 0, (1.0, 1.0, 2.0)),  # τ-b with one tie: 2 / sqrt(3 · 2)
            ("2-3", 1, (3.0, 2.0, 1.0)),
            ("4-9", 0, (5.0, 5.0, 5.0)),
        ):
            # the largest size first: sizes count as numbers, and not in the order of the rows
            for size, value in reversed(list(zip((64, 128, 1024), values, strict=True))):
                study.monotonicity(pair, size, seed, GPL_sampled=value)
        assert study.taus() == {
            ("0-1", 0): (1, 3, 3),
            ("0-1", 1): (pytest.approx(1 / 3), 3, 3),
            ("2-3", 0): (pytest.approx(2 / np.sqrt(6)), 3, 3),
            ("2-3", 1): (-1, 3, 3),
            ("4-9", 0): (pytest.approx(NAN, nan_ok=True), 3, 3),
        }
        # nothing was measured of the others
        taus = statistics.kendall_taus(study.measures, study.grid)
        assert len(taus) == 5 and set(taus["measure"]) == {"GPL"}

    def test_runs_that_are_missing_or_do_not_interpolate(self, study):
        study.monotonicity("0-1", 64, GPL_sampled=1.0)
        study.monotonicity("0-1", 128, GPL_sampled=9.0, status="max_epochs")
        study.monotonicity("0-1", 256, GPL_sampled=2.0)
        study.monotonicity("0-1", 512, status=None)
        study.monotonicity("0-2", 64, GPL_sampled=1.0)
        study.monotonicity("0-2", 128, GPL_sampled=2.0)
        for size in (256, 512):
            study.monotonicity("0-2", size, status=None)
        study.monotonicity("0-2", 1024, GPL_sampled=NAN, status="diverged")
        study.monotonicity("2-3", 64, GPL_sampled=1.0)
        study.monotonicity("2-3", 128, status=None)
        study.monotonicity("4-9", 64, status=None)
        assert study.taus() == {
            ("0-1", 0): (1, 2, 4),
            # of fewer than half of its sizes: no τ, which could be no other than −1 or 1
            ("0-2", 0): (pytest.approx(NAN, nan_ok=True), 2, 5),
            ("2-3", 0): (pytest.approx(NAN, nan_ok=True), 1, 2),
            ("4-9", 0): (pytest.approx(NAN, nan_ok=True), 0, 1),
        }

    def test_only_main_rows_count(self, study):
        study.monotonicity("0-1", 64, GPL_sampled=1.0)
        study.monotonicity("0-1", 128, GPL_sampled=2.0)
        others = study.measures.assign(main=False, network="initial", value=[9.0, 0.0])
        taus = statistics.kendall_taus(pd.concat([study.measures, others]), study.grid)
        assert taus["tau"].tolist() == [1.0]

    def test_a_table_that_does_not_say_its_main_rows_is_refused(self, study):
        study.monotonicity("0-1", 64, GPL_sampled=1.0)
        with pytest.raises(ValueError, match="a column 'main'"):
            statistics.kendall_taus(study.measures.drop(columns="main"), study.grid)

    def test_only_runs_of_the_experiment_count(self, study):
        study.monotonicity("0-1", 64, GPL_sampled=1.0)
        study.monotonicity("0-1", 128, GPL_sampled=2.0)
        study.add("0-1", 10_000, 0, "none", 0.0, 0.01, ["optimality"], GPL_sampled=0.0)
        study.add("0-1", 128, 0, "none", 0.0, 0.1, [], GPL_sampled=0.0)
        outside = study.measures.assign(seed=7)
        measures = pd.concat([study.measures, outside])
        taus = statistics.kendall_taus(measures, study.grid)
        assert row(taus, measure="GPL", estimator="sampled")["tau"] == 1
        assert set(taus["n_sizes_in_grid"]) == {2}

    def test_run_in_both_experiments(self, study):
        study.add("0-1", 64, 0, "none", 0.0, 0.01, ["monotonicity", "optimality"], WP_exact=1.0)
        study.monotonicity("0-1", 128, WP_exact=2.0)
        assert study.taus("WP", "exact") == {("0-1", 0): (1, 2, 2)}


class TestBootstrap:
    def interval(self, values, pairs):
        return statistics.bootstrap_interval(pd.Series(values), pd.Series(list(pairs)))

    def test_two_pairs(self):
        # the mean of a resample is 0, 1/2 or 1, with probabilities 1/4, 1/2, 1/4
        assert self.interval([0.0, 1.0], "ab") == (0, 1)

    def test_pairs_are_drawn_with_all_their_values(self):
        # aa → 0, ab → 2/8, bb → 1; values drawn one by one would give 0.25 ± 0.3
        assert self.interval([0.0] * 6 + [1.0] * 2, "aaaaaabb") == (0, 1)

    def test_large_sample(self):
        """On many pairs the interval is mean ± 1.96 std / sqrt(pairs), whatever the seeds."""
        values = np.random.default_rng(0).normal(3, 2, size=400)
        low, high = self.interval(np.repeat(values, 3), np.repeat(np.arange(400), 3))
        half = 1.96 * values.std() / np.sqrt(400)
        assert low == pytest.approx(values.mean() - half, abs=0.1 * half)
        assert high == pytest.approx(values.mean() + half, abs=0.1 * half)

    def test_same_data_same_interval(self):
        values, pairs = np.random.default_rng(0).normal(size=9), np.repeat(["a", "b", "c"], 3)
        order = np.random.default_rng(1).permutation(9)
        assert self.interval(values, pairs) == pytest.approx(
            self.interval(values[order], pairs[order]), rel=1e-12
        )

    def test_where_resamples_have_no_ratio_there_is_no_interval(self):
        """A quarter of them is twice the pair whose weight is below 0."""
        values, weights = pd.Series([0.5, 0.25]), pd.Series([1.0, -0.5])
        interval = statistics.bootstrap_interval(values, pd.Series(["a", "b"]), weights)
        assert np.isnan(interval).all()

    @pytest.mark.parametrize(("values", "pairs"), [([], ""), ([1.0], "a"), ([1.0, 2.0], "aa")])
    def test_fewer_than_two_pairs(self, values, pairs):
        assert np.isnan(self.interval(np.array(values, float), pairs)).all()


class TestTable1:
    def test_by_hand(self):
        taus = pd.DataFrame(
            [
                ("SN", "exact", "training", "0-1", 0, 1.0, 3, 3),
                ("GPL", "sampled", "test", "0-1", 0, 1.0, 3, 3),
                ("GPL", "sampled", "test", "0-1", 1, 0.5, 2, 3),
                ("GPL", "sampled", "test", "2-3", 0, 0.0, 3, 3),
                ("GPL", "sampled", "test", "2-3", 1, NAN, 1, 3),
                ("GN", "exact", "test", "0-1", 0, -1.0, 3, 3),
            ],
            columns=[
                *("measure", "estimator", "images", "pair", "seed"),
                *("tau", "n_sizes", "n_sizes_in_grid"),
            ],
        )
        table = statistics.table1(taus)
        # the paper's measures first
        assert list(zip(table["measure"], table["estimator"], table["images"], strict=True)) == [
            ("GN", "exact", "test"), ("GPL", "sampled", "test"), ("SN", "exact", "training")
        ]  # fmt: skip
        gpl = row(table, measure="GPL", estimator="sampled")
        assert gpl["mean"] == 0.5
        assert gpl["std"] == 0.5  # sqrt((1/4 + 0 + 1/4) / 2)
        assert (gpl["low"], gpl["high"]) == (0, 0.75)  # 2-3 twice, 0-1 twice
        # 0-1 lies 1/4 above and below its mean; one degree of freedom, three values
        assert gpl["seed_stderr"] == pytest.approx(np.sqrt(1 / 8 / 1 / 3))
        assert (gpl["n_values"], gpl["n_complete"], gpl["n_in_grid"]) == (3, 2, 4)
        assert (gpl["n_pairs"], gpl["n_sizes"]) == (2, 3)
        # one of three is over three sizes; half of them are over two or more
        taus.loc[1:3, "n_sizes"] = [2, 2, 1]
        assert row(statistics.table1(taus), measure="GPL", estimator="sampled")["n_sizes"] == 2
        gn = row(table, measure="GN", estimator="exact")
        assert (
            gn["mean"] == -1
            and np.isnan(gn[["std", "low", "high", "seed_stderr"]].astype(float)).all()
        )
        assert gn["n_values"] == 1

    def test_the_paper_stands_beside_its_own_estimator(self):
        table = statistics.table1(pd.DataFrame())
        beside = {
            (r.measure, r.estimator): (r.paper_mean, r.paper_std)
            for r in table.itertuples()
            if not np.isnan(r.paper_mean)
        }
        assert list(beside) == [
            ("GN", "sampled"),
            ("FPL", "sampled"),
            ("GPL", "sampled"),
            ("WP", "exact"),
        ]
        assert beside["FPL", "sampled"] == (PAPER_TABLE1["FPL"].mean, PAPER_TABLE1["FPL"].std)


@pytest.fixture
def optimality(study):
    """Four pairs; FPL at two λ, GN at one; λ = 0 at both learning rates."""
    #         λ = 0     λ = 0.001  λ = 0.01
    fpl = {
        "0-1": (1.2, 1.10, 1.05),
        "2-3": (1.4, 1.30, 1.10),
        "4-9": (1.5, 1.40, None),
        "6-7": (None, 1.2, 1.15),
    }
    for pair, values in fpl.items():
        for lambda_, value in zip((0.0, 0.001, 0.01), values, strict=True):
            study.optimality(
                pair,
                "FPL" if lambda_ else "none",
                lambda_,
                0.1,
                "interpolated" if value else "max_epochs",
                FPL_sampled=value or 99.0,
                FPL_exact=1 + 2 * ((value or 99.0) - 1),
                GN_sampled=55.0,
            )
    for pair, (before, after) in {"0-1": (1.0, 0.5), "2-3": (2.0, 0.5)}.items():
        study.optimality(pair, "none", 0.0, 0.01, GN_sampled=before, FPL_sampled=77.0)
        study.optimality(pair, "GN", 1e-4, 0.01, GN_sampled=after, FPL_sampled=77.0)
    return study


class TestReportedLambda:
    def grid_of(self, study, interpolating, n_pairs=4, regularizer="GN", status="max_epochs"):
        for lambda_, n in interpolating.items():
            for pair in range(n_pairs):
                study.optimality(
                    f"0-{pair}", regularizer, lambda_, 0.01, "interpolated" if pair < n else status
                )
        return selection.reported_lambdas(study.runs, study.grid)

    def test_half_is_enough(self, study):
        assert self.grid_of(study, {1e-5: 4, 1e-4: 2, 1e-3: 1}) == {"GN": 1e-4}

    def test_half_of_an_odd_number(self, study):
        assert self.grid_of(study, {1e-5: 3, 1e-4: 2}, n_pairs=5) == {"GN": 1e-5}

    def test_the_largest_counts_though_a_smaller_one_fails(self, study):
        assert self.grid_of(study, {1e-5: 4, 1e-4: 1, 1e-3: 3}) == {"GN": 1e-3}

    def test_none(self, study):
        reported = self.grid_of(study, {1e-5: 1})
        assert list(reported) == ["GN"] and np.isnan(reported["GN"])

    @pytest.mark.parametrize("status", ["diverged", None])
    def test_missing_and_diverged_runs_do_not_interpolate(self, study, status):
        assert self.grid_of(study, {1e-5: 2, 1e-4: 1}, status=status) == {"GN": 1e-5}

    def test_each_regularizer_has_its_own(self, study):
        self.grid_of(study, {3e-5: 4}, regularizer="WP")
        self.grid_of(study, {3e-5: 0, 1e-5: 4}, regularizer="GPL-exact")
        assert self.grid_of(study, {1e-3: 4}) == {"GN": 1e-3, "GPL-exact": 1e-5, "WP": 3e-5}


class TestTable2:
    def table(self, study):
        return statistics.table2(table_of_penalties(study))

    def test_by_hand(self, optimality):
        table = self.table(optimality)
        fpl = row(table, regularizer="FPL", estimator="sampled")
        # three of four pairs interpolate at 0.01, of which 6-7 does not at λ = 0
        assert fpl["lambda"] == 0.01
        assert (fpl["n_both"], fpl["n_matched"], fpl["n_pairs"], fpl["n_in_grid"]) == (2, 2, 2, 4)
        assert fpl["n_interpolating"] == 3 and fpl["n_at_bound"] == 0
        assert fpl["measure"] == "FPL" and fpl["lower_bound"] == 1
        assert fpl["unregularized_mean"] == pytest.approx(1.3)
        assert fpl["regularized_mean"] == pytest.approx(1.075)
        # 0.05 / 0.2 and 0.1 / 0.4
        assert fpl["r_norm_mean"] == pytest.approx(0.25)
        assert fpl["r_norm_std"] == pytest.approx(0, abs=1e-12)
        gn = row(table, regularizer="GN", estimator="sampled")
        assert gn["lambda"] == 1e-4 and gn["lower_bound"] == 0
        # 0.5 / 1 and 0.5 / 2; the learning rate of its own λ = 0 runs, not 55
        assert gn["unregularized_mean"] == 1.5 and gn["regularized_mean"] == 0.5
        assert gn["r_norm_mean"] == 0.375  # the mean of the ratios, not the ratio of the means
        assert gn["r_norm_std"] == pytest.approx(0.125 * np.sqrt(2))
        assert (gn["r_norm_low"], gn["r_norm_high"]) == (0.25, 0.5)
        assert gn["ratio_of_means"] == pytest.approx(1 / 3)  # 1 of 3
        assert (gn["ratio_of_means_low"], gn["ratio_of_means_high"]) == (0.25, 0.5)

    def test_pairs_near_the_bound_swing_the_mean_and_not_the_ratio_of_the_means(self, study):
        """Three pairs fall by the same 0.02; one lies just above l_S = 1, one just below."""
        for pair, before in {"0-1": 1.2, "2-3": 1.01, "4-9": 0.99, "6-7": 1.0}.items():
            study.optimality(pair, "none", 0.0, 0.1, FPL_sampled=before)
            study.optimality(pair, "FPL", 1e-3, 0.1, FPL_sampled=before - 0.02)
        fpl = row(self.table(study), regularizer="FPL", estimator="sampled")
        # 0.18 / 0.2, −0.01 / 0.01, −0.03 / −0.01; the pair at the bound has none
        assert fpl["r_norm_mean"] == pytest.approx((0.9 - 1 + 3) / 3)
        assert fpl["ratio_of_means"] == pytest.approx((0.2 - 4 * 0.02) / 0.2)
        assert (fpl["n_both"], fpl["n_matched"], fpl["n_at_bound"]) == (4, 3, 2)

    def test_rows_are_the_regularizers_of_the_grid_by_estimator(self, optimality):
        optimality.optimality("0-1", "GPL-exact", 1e-4, 0.1, GPL_exact=2.0, GPL_sampled=1.5)
        optimality.optimality("0-1", "WP", 1e-4, 0.01, "diverged")
        table = self.table(optimality)
        assert list(zip(table["regularizer"], table["estimator"], strict=True)) == [
            ("GN", "sampled"),
            ("GN", "exact"),
            ("FPL", "sampled"),
            ("FPL", "exact"),
            ("GPL-exact", "sampled"),
            ("GPL-exact", "exact"),
            ("WP", "exact"),
        ]
        exact = row(table, regularizer="FPL", estimator="exact")
        assert exact["unregularized_mean"] == pytest.approx(1.6)
        assert exact["r_norm_mean"] == pytest.approx(0.25)
        # no GN_exact and no GPL at λ = 0 were measured
        for other in (
            row(table, regularizer="GN", estimator="exact"),
            row(table, regularizer="GPL-exact", estimator="exact"),
        ):
            assert other["lambda"] == 1e-4 and other["n_matched"] == 0
            assert np.isnan(other["r_norm_mean"])
        wp = row(table, regularizer="WP")
        assert np.isnan(wp["lambda"]) and (wp["n_matched"], wp["n_in_grid"]) == (0, 1)
        papers = table.dropna(subset="paper_r_norm_mean")
        assert list(papers["regularizer"]) == ["GN", "FPL", "WP"]
        assert list(papers["paper_r_norm_std"]) == [
            PAPER_TABLE2[name].r_norm_std for name in ("GN", "FPL", "WP")
        ]

    def test_several_seeds(self, study):
        for seed, before, after in ((0, 1.0, 0.4), (1, 2.0, 1.0)):
            experiment = (0.01, ["optimality"])
            study.add("0-1", 64, seed, "none", 0.0, *experiment, WP_exact=before)
            study.add("0-1", 64, seed, "WP", 1e-5, *experiment, WP_exact=after)
        wp = row(self.table(study), regularizer="WP")
        assert wp["r_norm_mean"] == pytest.approx(0.45)
        assert (wp["n_matched"], wp["n_in_grid"]) == (2, 2)
        assert np.isnan(wp["r_norm_low"])  # one pair only

    def test_measure_at_its_lower_bound(self, study):
        study.optimality("0-1", "none", 0.0, 0.1, FPL_sampled=1.0)
        study.optimality("0-1", "FPL", 1e-3, 0.1, FPL_sampled=1.0)
        fpl = row(self.table(study), regularizer="FPL", estimator="sampled")
        assert np.isnan(fpl["r_norm_mean"]) and fpl["regularized_mean"] == 1
        assert (fpl["n_both"], fpl["n_matched"], fpl["n_at_bound"]) == (1, 0, 1)

    def test_measure_below_its_lower_bound(self, study):
        """Below the bound a penalty that lowers the measure would show as a ratio above 1."""
        study.optimality("0-1", "none", 0.0, 0.1, FPL_sampled=0.9)
        study.optimality("0-1", "FPL", 1e-3, 0.1, FPL_sampled=0.8)
        fpl = row(self.table(study), regularizer="FPL", estimator="sampled")
        assert (fpl["unregularized_mean"], fpl["regularized_mean"]) == (0.9, 0.8)
        assert np.isnan(fpl[["r_norm_mean", "r_norm_low", "r_norm_high"]].astype(float)).all()

    def test_lower_bounds_are_the_papers(self):
        for measure, bound in {"GN": 0, "FPL": 1, "GPL": 0, "WP": 0}.items():
            assert all_measures()[measure].lower_bound == bound


class TestEdge:
    """How far λ was pushed."""

    def test_every_lambda_has_its_r_norm_and_one_is_reported(self, optimality):
        edge = table_of_penalties(optimality)
        fpl = edge[(edge["regularizer"] == "FPL") & (edge["estimator"] == "sampled")]
        assert fpl["lambda"].tolist() == [0.001, 0.01]
        assert fpl["reported"].tolist() == [False, True]
        assert fpl["n_interpolating"].tolist() == [4, 3]
        assert fpl["n_present"].tolist() == fpl["n_in_grid"].tolist() == [4, 4]
        # 0.1 / 0.2, 0.3 / 0.4, 0.4 / 0.5
        assert fpl["r_norm_mean"].iloc[0] == pytest.approx((0.5 + 0.75 + 0.8) / 3)

    def test_where_half_of_the_runs_of_the_largest_lambda_interpolate_it_is_a_bound(
        self, optimality
    ):
        """Of FPL one of four failed there."""
        untried = selection.untried_beyond(optimality.runs, optimality.grid)
        assert untried == {"GN": True, "FPL": True}
        table = statistics.table2(table_of_penalties(optimality))
        assert dict(zip(table["regularizer"], table["upper_bound"], strict=True)) == untried

    @pytest.mark.parametrize(("failed", "untried"), [(2, True), (3, False)])
    def test_where_fewer_than_half_interpolate_the_edge_was_reached(self, study, failed, untried):
        for pair in ("0-1", "2-3", "4-9", "6-7"):
            failed -= 1
            status = "max_epochs" if failed >= 0 else "interpolated"
            study.optimality(pair, "GN", 1.0, 0.01, status)
        assert selection.untried_beyond(study.runs, study.grid) == {"GN": untried}

    def test_a_lambda_between_that_is_not_done_leaves_it_open(self, study):
        """The largest failed; one below it, above the reported one, is half done."""
        for pair in ("0-1", "2-3", "4-9", "6-7"):
            study.optimality(pair, "GN", 0.1, 0.01)
            done = "interpolated" if pair == "0-1" else None
            study.optimality(pair, "GN", 1.0, 0.01, done)
            study.optimality(pair, "GN", 10.0, 0.01, "max_epochs")
        assert selection.reported_lambdas(study.runs, study.grid) == {"GN": 0.1}
        assert selection.untried_beyond(study.runs, study.grid) == {"GN": True}

    def test_a_run_that_is_missing_leaves_it_open(self, optimality):
        for pair in ("0-1", "4-9"):
            optimality.optimality(pair, "GN", 1.0, 0.01, status=None)
        assert selection.untried_beyond(optimality.runs, optimality.grid)["GN"]


class TestPenaltyEffects:
    def test_by_hand(self, study):
        for pair, fpl, gpl in (("0-1", (1.0, 0.5), (4.0, 3.0)), ("2-3", (2.0, 1.5), (2.0, 2.0))):
            for lambda_, k in ((0.0, 0), (1e-3, 1)):
                name = "FPL" if lambda_ else "none"
                values = {"FPL_sampled": fpl[k], "GPL_sampled": gpl[k]}
                study.optimality(pair, name, lambda_, 0.1, **values)
        # of one learning rate, but without a run of the penalty
        study.optimality("4-9", "none", 0.0, 0.1, FPL_sampled=9.0, GPL_sampled=9.0)
        effects = statistics.penalty_effects(study.measures, study.runs, study.grid)
        assert list(effects["measure"]) == ["FPL", "GPL"] and set(effects["penalized"]) == {"FPL"}
        own, other = effects.iloc[0], effects.iloc[1]
        assert own["mean"] == pytest.approx((0.5 + 0.75) / 2)
        assert other["mean"] == pytest.approx((0.75 + 1.0) / 2)
        assert (other["low"], other["high"]) == (0.75, 1.0)
        assert (other["n_matched"], other["n_pairs"], other["lambda"]) == (2, 2, 1e-3)

    def test_only_the_reported_lambda_counts(self, study):
        for pair in ("0-1", "2-3", "4-9"):
            study.optimality(pair, "none", 0.0, 0.1, FPL_sampled=2.0)
            study.optimality(pair, "FPL", 1e-4, 0.1, FPL_sampled=1.8)
            study.optimality(pair, "FPL", 1e-3, 0.1, FPL_sampled=1.5)
            status = "interpolated" if pair == "0-1" else "max_epochs"
            study.optimality(pair, "FPL", 1e-2, 0.1, FPL_sampled=1.2, status=status)
        tables = study.measures, study.runs, study.grid
        effects = statistics.penalty_effects(*tables)
        assert effects[["lambda", "mean", "n_matched"]].to_numpy().tolist() == [[1e-3, 0.75, 3]]
        r_norms = statistics.r_norms(*tables)
        assert dict(zip(r_norms["lambda"], r_norms["reported"], strict=True)) == {
            1e-4: False, 1e-3: True, 1e-2: False,
        }  # fmt: skip


class TestRateEffects:
    def test_by_hand(self, study):
        for pair, slow, fast in (("0-1", 2.0, 1.0), ("2-3", 4.0, 3.0), ("4-9", 1.0, None)):
            study.optimality(pair, "none", 0.0, 0.01, GPL_sampled=slow)
            status = "max_epochs" if fast is None else "interpolated"
            study.optimality(pair, "none", 0.0, 0.1, status, GPL_sampled=fast or 7.0)
        # neither of a penalty nor of the other experiment
        study.optimality("6-7", "none", 0.0, 0.01, GPL_sampled=1.0)
        study.optimality("6-7", "GPL", 1e-3, 0.1, GPL_sampled=9.0)
        study.add("6-7", 10_000, 0, "none", 0.0, 0.1, ["monotonicity"], GPL_sampled=9.0)
        effects = statistics.rate_effects(study.measures, study.grid)
        assert effects[["learning_rate", "other_rate"]].to_numpy().tolist() == [
            [0.01, 0.1], [0.1, 0.01],
        ]  # fmt: skip
        up, down = effects.iloc[0], effects.iloc[1]
        assert up["mean"] == pytest.approx((1 / 2 + 3 / 4) / 2)
        assert down["mean"] == pytest.approx((2 / 1 + 4 / 3) / 2)
        assert (up["low"], up["high"]) == (0.5, 0.75)
        assert up["std"] == pytest.approx(np.std([0.5, 0.75], ddof=1))
        assert (up["measure"], up["estimator"]) == ("GPL", "sampled")
        assert (up["n_matched"], up["n_pairs"]) == (2, 2)

    def test_one_rate_compares_with_none(self, study):
        study.optimality("0-1", "none", 0.0, 0.01, GPL_sampled=1.0)
        assert statistics.rate_effects(study.measures, study.grid).empty


class TestFigure2:
    def test_values(self, optimality):
        values = selection.optimality_values(optimality.measures, optimality.grid)
        assert {"GN", "FPL"} == set(values["measure"])
        values = selection.penalized(values)
        fpl = values[(values["regularizer"] == "FPL") & (values["estimator"] == "sampled")]
        boxes = {
            lambda_: dict(zip(box["pair"], box["value"], strict=True))
            for lambda_, box in fpl.groupby("lambda")
        }
        assert boxes == {
            0.0: {"0-1": 1.2, "2-3": 1.4, "4-9": 1.5},
            0.001: {"0-1": 1.1, "2-3": 1.3, "4-9": 1.4, "6-7": 1.2},
            0.01: {"0-1": 1.05, "2-3": 1.1, "6-7": 1.15},
        }
        gn = values[values["regularizer"] == "GN"]
        assert set(gn["measure"]) == {"GN"} and set(gn["learning_rate"]) == {0.01}
        assert dict(gn.groupby("lambda")["value"].apply(list)) == {0.0: [1, 2], 1e-4: [0.5, 0.5]}

    def test_penalties_with_one_learning_rate_share_their_baseline(self, study):
        study.optimality("0-1", "none", 0.0, 0.1, FPL_sampled=1.5, GPL_sampled=3.0)
        for regularizer in ("GPL", "GPL-exact", "FPL"):
            study.optimality("0-1", regularizer, 1e-4, 0.1, FPL_sampled=1.2, GPL_sampled=2.0)
        values = selection.penalized(selection.optimality_values(study.measures, study.grid))
        assert values[["regularizer", "lambda", "measure", "value"]].to_numpy().tolist() == [
            ["FPL", 0.0, "FPL", 1.5],
            ["FPL", 1e-4, "FPL", 1.2],
            ["GPL", 0.0, "GPL", 3.0],
            ["GPL", 1e-4, "GPL", 2.0],
            ["GPL-exact", 0.0, "GPL", 3.0],
            ["GPL-exact", 1e-4, "GPL", 2.0],
        ]

    def test_counts(self, optimality):
        optimality.optimality("8-9", "FPL", 0.01, 0.1, status=None)
        counts = selection.interpolation_counts(optimality.runs, optimality.grid)
        columns = ["n_in_grid", "n_present", "n_interpolating", "n_not_interpolating"]
        assert {
            (r.regularizer, r[2]): tuple(getattr(r, name) for name in columns)
            for r in counts.itertuples()
        } == {
            ("GN", 0.0): (2, 2, 2, 0),
            ("GN", 1e-4): (2, 2, 2, 0),
            ("FPL", 0.0): (4, 4, 3, 1),
            ("FPL", 0.001): (4, 4, 4, 0),
            ("FPL", 0.01): (5, 4, 3, 1),
        }


def test_completeness(study):
    study.add("0-1", 64, 0, "none", 0.0, 0.01, ["monotonicity", "optimality"])
    study.monotonicity("0-1", 128, status="max_epochs")
    study.monotonicity("0-1", 256, status=None)
    study.optimality("0-1", "GN", 1e-3, 0.01, status="diverged")
    outside = study.runs.assign(seed=9)
    table = selection.completeness(study.grid, pd.concat([study.runs, outside]))
    assert table.set_index("experiment").to_dict("index") == {
        "monotonicity": {
            "in_grid": 3, "present": 2, "missing": 1,
            "interpolated": 1, "max_epochs": 1, "diverged": 0,
        },
        "optimality": {
            "in_grid": 2, "present": 2, "missing": 0,
            "interpolated": 1, "max_epochs": 0, "diverged": 1,
        },
    }  # fmt: skip


class TestIncomplete:
    """Half a grid, an empty one: no error, no warning (warnings are errors here), counts."""

    @pytest.mark.parametrize("empty", ["no columns", "no rows"])
    def test_no_run_yet(self, optimality, empty):
        grid, runs, measures = optimality.grid, optimality.runs, optimality.measures
        runs, measures = (
            pd.DataFrame() if empty == "no columns" else table.iloc[:0]
            for table in (runs, measures)
        )
        table = statistics.table2(statistics.penalties(measures, runs, grid))
        assert list(table["regularizer"].unique()) == ["GN", "FPL"]
        assert table[["lambda", "r_norm_mean", "unregularized_mean"]].isna().all(axis=None)
        assert set(table["n_matched"]) == {0}
        counts = selection.interpolation_counts(runs, grid)
        assert counts["n_in_grid"].sum() == 16 and counts["n_present"].sum() == 0
        assert selection.optimality_values(measures, grid).empty
        assert list(selection.completeness(grid, runs)["missing"]) == [0, 16]

    def test_no_grid(self):
        none = pd.DataFrame()
        taus = statistics.kendall_taus(none, none)
        assert taus.empty
        assert list(statistics.table1(taus)["n_values"]) == [0] * len(all_estimates())
        assert statistics.table2(statistics.penalties(none, none, none)).empty
        assert statistics.penalty_effects(none, none, none).empty
        assert statistics.rate_effects(none, none).empty
        assert selection.optimality_values(none, none).empty
        assert selection.interpolation_counts(none, none).empty
        assert list(selection.completeness(none, none)["in_grid"]) == [0, 0]

    def test_runs_not_measured_yet(self, optimality):
        table = statistics.table2(
            statistics.penalties(pd.DataFrame(), optimality.runs, optimality.grid)
        )
        fpl = row(table, regularizer="FPL", estimator="sampled")
        assert fpl["lambda"] == 0.01 and fpl["n_matched"] == 0

    def test_an_unknown_outcome_is_refused(self, optimality):
        runs = optimality.runs.astype({"interpolates": object})
        runs.loc[0, "interpolates"] = None
        with pytest.raises(ValueError, match="'interpolates' has empty cells"):
            selection.completeness(optimality.grid, runs)

    def test_a_run_recorded_twice_is_refused(self, optimality):
        runs = pd.concat([optimality.runs, optimality.runs.iloc[:1]])
        with pytest.raises(ValueError, match=r"two rows for .*'pair': '0-1'"):
            statistics.penalties(optimality.measures, runs, optimality.grid)


def test_seeds_of_a_pair_are_matched_with_themselves_and_are_one_pair(study):
    for seed, slow, fast, penalized in ((0, 2.0, 1.0, 1.0), (1, 8.0, 2.0, 6.0)):
        experiment = ["optimality"]
        study.add("0-1", 64, seed, "none", 0.0, 0.01, experiment, WP_exact=slow)
        study.add("0-1", 64, seed, "none", 0.0, 0.1, experiment, WP_exact=fast)
        study.add("0-1", 64, seed, "WP", 1e-5, 0.01, experiment, WP_exact=penalized)
    tables = study.measures, study.runs, study.grid
    up = statistics.rate_effects(study.measures, study.grid).iloc[0]
    (effect,) = statistics.penalty_effects(*tables).to_dict("records")
    wp = row(statistics.table2(statistics.penalties(*tables)), regularizer="WP")
    assert up["mean"] == (1 / 2 + 2 / 8) / 2
    assert effect["mean"] == wp["r_norm_mean"] == (1 / 2 + 6 / 8) / 2
    for of in (up, effect, wp):
        assert (of["n_matched"], of["n_pairs"]) == (2, 1)


def test_table1_counts_only_what_has_a_tau():
    names = ["measure", "estimator", "images", "pair", "seed", "tau", "n_sizes", "n_sizes_in_grid"]
    constant, other = ("0-1", 0, NAN, 4, 4), ("2-3", 0, 1.0, 3, 4)
    rows = [("GN", "sampled", "test", *of) for of in (constant, other, ("4-9", 0, 0.5, 4, 4))]
    gn = row(statistics.table1(pd.DataFrame(rows, columns=names)), measure="GN")
    assert (gn["n_values"], gn["n_complete"], gn["n_in_grid"]) == (2, 1, 3)
    assert gn["n_sizes"] == 3  # of 3 and 4: too few for a verdict


def test_a_measure_of_zero_has_no_ratio(study):
    for pair, before in (("0-1", 0.0), ("2-3", 2.0), ("4-9", 4.0)):
        study.optimality(pair, "none", 0.0, 0.1, GPL_sampled=before)
        study.optimality(pair, "none", 0.0, 0.01, GPL_sampled=1.0)
        study.optimality(pair, "GPL", 1e-3, 0.1, GPL_sampled=1.0)
    tables = study.measures, study.runs, study.grid
    (effect,) = statistics.penalty_effects(*tables).to_dict("records")
    down = row(statistics.rate_effects(study.measures, study.grid), learning_rate=0.1)
    for of in (effect, down):
        assert (of["mean"], of["n_pairs"]) == ((1 / 2 + 1 / 4) / 2, 2)
