"""The closed forms of the measures, against numbers worked out by hand and the definitions."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from smoothcore import measures
from smoothcore.measures import _segments, fpl, gn, gpl, wp
from smoothcore.network.seeds import generator, stream
from smoothcore.network.two_layer import TwoLayerNetwork
from tests.measure_cases import gradients, integer_network, network_1d, points_1d, random_network

PAPERS_FOUR = ("GN", "FPL", "GPL", "WP")

# The definitions, dense and in input space.


def path(starts, ends, n):
    """x(t_k), shape (n, N, d)."""
    t = np.linspace(0, 1, n)[:, None, None]
    return (1 - t) * starts + t * ends


def path_lengths_by_definition(network, starts, ends, n):
    f = np.stack([network(x) for x in path(starts, ends, n)])
    return np.abs(np.diff(f, axis=0)).sum(axis=0)


def gradient_path_lengths_by_definition(network, starts, ends, n):
    return np.linalg.norm(np.diff(gradients(network, path(starts, ends, n)), axis=0), axis=2).sum(
        axis=0
    )


def crossing_times(network, a, b):
    """The sorted t in [0, 1] at which some pre-activation of the segment is 0, as fractions."""
    times = set()
    for w, beta in zip(network.W.T, network.beta, strict=True):
        z_a, z_b = (
            sum(Fraction(p) * Fraction(q) for p, q in zip(w, x, strict=True)) for x in (a, b)
        )
        z_a, z_b = z_a + Fraction(beta), z_b + Fraction(beta)
        if z_a != z_b and 0 <= z_a / (z_a - z_b) <= 1:
            times.add(z_a / (z_a - z_b))
    return sorted(times)


def variations_by_definition(network, a, b):
    """TV of f and of ∇f on one segment, in exact arithmetic but for the last norm.

    The partition has every crossing and a point between each two: no partition sees more.
    """
    crossings = [Fraction(0), *crossing_times(network, a, b), Fraction(1)]
    middles = [(s + t) / 2 for s, t in pairwise(crossings)]
    rational = np.vectorize(Fraction, otypes=[object])
    W, beta, v, a, b = map(rational, (network.W, network.beta, network.v, a, b))
    values, slopes = [], []
    for t in sorted({*crossings, *middles}):
        z = ((1 - t) * a + t * b) @ W + beta
        mask = np.array([Fraction(int(unit > 0)) for unit in z], object)
        values.append(float(mask * z @ v))
        slopes.append((W @ (v * mask)).astype(float))
    return (np.abs(np.diff(values)).sum(), np.linalg.norm(np.diff(slopes, axis=0), axis=1).sum())


@pytest.fixture
def rng():
    return np.random.default_rng(20)


class TestByHand:
    def test_one_kink(self):
        network = network_1d((1, -0.5, 2))  # f = 2 relu(x − 1/2)
        a, b = points_1d(0, 0, 0.5, 1), points_1d(1, 0.5, 1, 0)
        np.testing.assert_array_equal(fpl.path_lengths_exact(network, a, b), [1, 0, 1, 1])
        # at z = 0 the unit is off: it switches on when leaving x = 1/2, not when arriving there
        np.testing.assert_array_equal(gpl.gradient_path_lengths_exact(network, a, b), [2, 0, 2, 2])
        for n in (2, 3, 4, 100):
            np.testing.assert_allclose(fpl.path_lengths_sampled(network, a, b, n), [1, 0, 1, 1])
            np.testing.assert_array_equal(
                gpl.gradient_path_lengths_sampled(network, a, b, n), [2, 0, 2, 2]
            )
        np.testing.assert_array_equal(
            gn.gradient_norms(network, points_1d(0.25, 0.5, 0.75)), [0, 0, 2]
        )
        assert wp.weights_product(network) == 2

    def test_tent(self):
        network = network_1d((1, 0, 1), (1, -0.5, -2), c=7)  # 7 + x up to 1/2, then 8 − x
        a, b = points_1d(0), points_1d(1)
        assert fpl.path_lengths_exact(network, a, b) == pytest.approx(1)
        for n, length in ((2, 0), (3, 1), (4, 2 / 3)):
            assert fpl.path_lengths_sampled(network, a, b, n) == pytest.approx(length)
        assert gpl.gradient_path_lengths_exact(network, a, b) == pytest.approx(3)
        # one cell: both units switch on in it and partly cancel, |1 − 2|
        assert gpl.gradient_path_lengths_sampled(network, a, b, 2) == pytest.approx(1)
        assert gpl.gradient_path_lengths_sampled(network, a, b, 4) == pytest.approx(3)
        assert wp.weights_product(network) == 3

    def test_crossing_at_a_grid_point_belongs_to_the_cell_where_the_mask_changes(self):
        W = np.array([[1.0, 0], [0, 1]])
        a, b = np.array([[0.0, 0.0]]), np.array([[1.0, 1.0]])
        # unit 1 switches on at t = 1/2, so just after it; unit 2 at t = 5/8: in one cell of n = 5
        together = TwoLayerNetwork(W, np.array([-0.5, -0.625]), np.ones(2), np.float64(0))
        # unit 1 switches off at t = 1/2 itself: in the cell before
        apart = TwoLayerNetwork(W * [-1, 1], np.array([0.5, -0.625]), np.ones(2), np.float64(0))
        for network, length in ((together, np.sqrt(2)), (apart, 2)):
            assert gpl.gradient_path_lengths_sampled(network, a, b, 5) == pytest.approx(length)

    def test_units_that_cross_together(self):
        a, b = points_1d(0), points_1d(1)

        def lengths(network):
            return [
                gpl.gradient_path_lengths_exact(network, a, b)[0],
                gpl.gradient_path_lengths_sampled(network, a, b, 3)[0],
                gpl.gradient_path_lengths_sampled(network, a, b, 4)[0],
            ]

        unit = (1, -0.5, 1)
        assert lengths(network_1d(unit, unit)) == [2, 2, 2]
        assert lengths(network_1d(unit, (1, -0.5, -1))) == [0, 0, 0]  # f = 0
        assert lengths(network_1d(unit, (-1, 0.5, 1))) == [2, 2, 2]  # |x − 1/2|
        # x − 1/2, but both are off at x = 1/2 and ∇f = 0 there: n = 4 has no point at 1/2
        assert lengths(network_1d(unit, (-1, 0.5, -1))) == [2, 2, 0]

    def test_monotone_segment(self, rng):
        network = TwoLayerNetwork(
            rng.uniform(size=(3, 8)), rng.normal(size=8), rng.uniform(size=8), np.float64(1)
        )
        a = rng.normal(size=(20, 3))
        b = a + rng.uniform(0, 3, size=(20, 3))
        rise = network(b) - network(a)
        assert np.all(rise > 0)
        np.testing.assert_allclose(fpl.path_lengths_exact(network, a, b), rise)
        np.testing.assert_allclose(fpl.path_lengths_sampled(network, a, b, 17), rise)

    def test_affine_function_has_no_gradient_path(self, rng):
        network = random_network(rng, 3, 8)
        network = TwoLayerNetwork(network.W, np.full(8, 100.0), network.v, network.c)
        a, b = rng.normal(size=(2, 20, 3))
        assert not gpl.gradient_path_lengths_exact(network, a, b).any()
        assert not gpl.gradient_path_lengths_sampled(network, a, b, 10).any()
        np.testing.assert_allclose(
            fpl.path_lengths_exact(network, a, b), np.abs(network(b) - network(a))
        )

    def test_weights_product_is_the_variation_of_the_derivative_on_the_line(self, rng):
        # one kink inside each of [0, 1], [1, 2], …, so f has one slope near every integer
        w, v = rng.normal(size=(2, 12))
        kinks = rng.permutation(12) + rng.uniform(0.2, 0.8, size=12)
        network = TwoLayerNetwork(w[None, :], -w * kinks, v, np.float64(0))
        integers = np.arange(13.0)[:, None]
        slopes = (network(integers + 0.1) - network(integers - 0.1)) / 0.2
        product = wp.weights_product(network)
        assert np.abs(np.diff(slopes)).sum() == pytest.approx(product)
        exact = gpl.gradient_path_lengths_exact(network, points_1d(-1), points_1d(13))
        assert exact == pytest.approx(product)


class TestAgainstTheDefinitions:
    @pytest.mark.parametrize("n", [2, 3, 10, 100])
    @pytest.mark.parametrize(("d", "h"), [(5, 40), (30, 12), (1, 1)])
    def test_sampled(self, rng, d, h, n):
        network = random_network(rng, d, h)
        a, b = rng.normal(size=(2, 60, d))
        np.testing.assert_allclose(
            fpl.path_lengths_sampled(network, a, b, n),
            path_lengths_by_definition(network, a, b, n),
            rtol=1e-11,
            atol=1e-13,
        )
        np.testing.assert_allclose(
            gpl.gradient_path_lengths_sampled(network, a, b, n),
            gradient_path_lengths_by_definition(network, a, b, n),
            rtol=1e-11,
        )

    def test_sampled_and_norms_of_many_rows(self, rng, monkeypatch):
        """Products are made for some rows at a time: here for 7."""
        monkeypatch.setattr(_segments, "_ROWS_AT_ONCE", 7)
        network = random_network(rng, 5, 12)
        a, b = rng.normal(size=(2, 60, 5))
        np.testing.assert_allclose(
            gpl.gradient_path_lengths_sampled(network, a, b, 10),
            gradient_path_lengths_by_definition(network, a, b, 10),
            rtol=1e-11,
        )
        masks = rng.random((60, 12)) < 0.5
        basis = rng.normal(size=(12, 5))
        expected = [np.linalg.norm(mask @ basis) for mask in masks]
        np.testing.assert_allclose(_segments.combination_norms(masks, basis), expected)

    @pytest.mark.parametrize("n", [3, 5, 9, 17])
    def test_sampled_with_crossings_at_grid_points(self, rng, n):
        for _ in range(20):
            network = integer_network(rng, 3, 16)
            a, b = rng.integers(-2, 3, size=(2, 30, 3)).astype(float)
            np.testing.assert_allclose(
                fpl.path_lengths_sampled(network, a, b, n),
                path_lengths_by_definition(network, a, b, n),
                rtol=1e-12,
            )
            np.testing.assert_allclose(
                gpl.gradient_path_lengths_sampled(network, a, b, n),
                gradient_path_lengths_by_definition(network, a, b, n),
                rtol=1e-12,
                atol=1e-13,
            )

    @pytest.mark.parametrize("n", [4, 10, 50, 100])
    def test_rounding_at_grid_points_is_that_of_the_preactivations(self, n):
        """Two units cross at every t_k; which cell they fall in is decided by z(t_k) alone."""
        k = np.repeat(np.arange(n), 2)
        sign = np.tile([1.0, -1.0], n)
        # the rows below the first make every w_i linearly independent of the others
        W = np.vstack([sign * (n - 1), np.eye(2 * n)])
        network = TwoLayerNetwork(W, -sign * k, np.ones(2 * n), np.float64(0))
        a, b = np.zeros((2, 1, 2 * n + 1))
        b[0, 0] = 1
        t = (np.arange(n) / (n - 1))[:, None]
        masks = (1 - t) * network.preactivations(a) + t * network.preactivations(b) > 0
        expected = np.linalg.norm(np.diff(masks.astype(float), axis=0) @ W.T, axis=1).sum()
        sampled = gpl.gradient_path_lengths_sampled(network, a, b, n)
        assert sampled == pytest.approx(expected, rel=1e-12)

    @pytest.mark.parametrize("make", [random_network, integer_network])
    def test_exact(self, rng, make):
        for _ in range(4):
            network = make(rng, 3, 12)
            a, b = rng.integers(-2, 3, size=(2, 8, 3)).astype(float)
            expected = [variations_by_definition(network, *ends) for ends in zip(a, b, strict=True)]
            length, gradient_length = np.transpose(expected)
            np.testing.assert_allclose(
                fpl.path_lengths_exact(network, a, b), length, rtol=1e-11, atol=1e-13
            )
            np.testing.assert_allclose(
                gpl.gradient_path_lengths_exact(network, a, b),
                gradient_length,
                rtol=1e-11,
                atol=1e-13,
            )

    def test_exact_is_the_plain_sum_where_no_crossings_coincide(self, rng):
        network = random_network(rng, 6, 50)
        a, b = rng.normal(size=(2, 100, 6))
        crossed = (network.preactivations(a) > 0) != (network.preactivations(b) > 0)
        np.testing.assert_allclose(
            gpl.gradient_path_lengths_exact(network, a, b),
            crossed @ (np.abs(network.v) * np.linalg.norm(network.W, axis=0)),
        )

    def test_sampled_tends_to_exact(self, rng):
        network = random_network(rng, 4, 6)
        a, b = rng.normal(size=(2, 30, 4))
        n = 100_001
        np.testing.assert_allclose(
            fpl.path_lengths_sampled(network, a, b, n),
            fpl.path_lengths_exact(network, a, b),
            atol=1e-3,
        )
        np.testing.assert_allclose(
            gpl.gradient_path_lengths_sampled(network, a, b, n),
            gpl.gradient_path_lengths_exact(network, a, b),
        )

    def test_gradient_norms(self, rng):
        network = random_network(rng, 7, 20)
        x = rng.normal(size=(50, 7))
        np.testing.assert_allclose(
            gn.gradient_norms(network, x), np.linalg.norm(gradients(network, x), axis=1)
        )

    def test_weights_product(self, rng):
        network = random_network(rng, 7, 20)
        product = sum(
            abs(v) * np.sqrt(np.sum(w**2)) for v, w in zip(network.v, network.W.T, strict=True)
        )
        assert wp.weights_product(network) == pytest.approx(product)


class TestDegenerate:
    def test_segment_of_one_point(self, rng):
        network = random_network(rng, 4, 30)
        a = rng.normal(size=(10, 4))
        # every one of the 99 differences may be wrong by the rounding of f
        scale = np.max(np.abs(network.preactivations(a)) @ np.abs(network.v))
        rounding = 99 * np.finfo(float).eps * scale
        for lengths in (
            fpl.path_lengths_sampled(network, a, a),
            fpl.path_lengths_exact(network, a, a),
            gpl.gradient_path_lengths_sampled(network, a, a),
            gpl.gradient_path_lengths_exact(network, a, a),
        ):
            np.testing.assert_allclose(lengths, np.zeros(10), atol=rounding)

    def test_dead_units_change_no_measure_of_the_function(self, rng):
        network = random_network(rng, 4, 10)
        dead = TwoLayerNetwork(
            np.hstack([network.W, np.zeros((4, 2)), rng.normal(size=(4, 2))]),
            np.concatenate([network.beta, [0, 1], rng.normal(size=2)]),
            np.concatenate([network.v, rng.normal(size=2), [0, 0]]),
            network.c,
        )
        evaluation = measures.draw_evaluation_points(rng.normal(size=(40, 4)), 40, rng)
        expected = measures.measure(network, evaluation)
        for one, other in zip(expected, measures.measure(dead, evaluation), strict=True):
            # CR, SH and the bound of LG see the network, not f alone
            if one.measure not in ("CR", "SH") and one.estimator != "bound":
                assert other.value == pytest.approx(one.value, rel=1e-12), one

    def test_copies_of_a_unit_count_as_one(self, rng):
        """Split a unit into copies that differ in scale: the same function, the same variation."""
        network = random_network(rng, 4, 10)
        scales = np.array([3.0, 0.7])
        split = TwoLayerNetwork(
            np.hstack([network.W, np.outer(network.W[:, 0], scales)]),
            np.concatenate([network.beta, network.beta[0] * scales]),
            np.concatenate([network.v, network.v[0] * np.array([-2, 1]) / scales]),
            network.c,
        )
        split.v[0] *= 2
        a, b = rng.normal(size=(2, 40, 4))
        for lengths in (fpl.path_lengths_exact, gpl.gradient_path_lengths_exact):
            np.testing.assert_allclose(lengths(split, a, b), lengths(network, a, b), rtol=1e-10)

    def test_network_of_zeros(self):
        network = TwoLayerNetwork(np.zeros((3, 2)), np.zeros(2), np.zeros(2), np.float64(1))
        x = np.outer(np.arange(4), np.ones(3))
        values = measures.measure(
            network, measures.EvaluationPoints(x, np.arange(4), np.arange(3), np.arange(1, 4))
        )
        # ∂f/∂c = 1 at every image
        assert [one.value for one in values if one.measure == "SH"] == [2]
        assert all(one.value == 0 for one in values if one.measure != "SH")

    def test_a_diverged_network_has_no_values(self):
        network = network_1d((np.inf, 0, 1))
        rows = np.arange(2)
        x = points_1d(0, 1)
        values = measures.measure(network, measures.EvaluationPoints(x, rows, rows, rows))
        assert [(one.measure, one.estimator) for one in values] == measures.all_estimates()
        assert all(np.isnan(one.value) and np.isnan(one.stderr) for one in values)

    @pytest.mark.parametrize(
        "lengths", [fpl.path_lengths_sampled, gpl.gradient_path_lengths_sampled]
    )
    def test_a_grid_of_one_point_is_refused(self, lengths):
        with pytest.raises(ValueError, match="at least 2 points"):
            lengths(network_1d((1, 0, 1)), points_1d(0), points_1d(1), 1)


class TestMeasure:
    def test_means_and_standard_errors(self, rng):
        network = random_network(rng, 5, 12).astype(np.float32)
        x_test = rng.normal(size=(30, 5)).astype(np.float32)
        evaluation = measures.draw_evaluation_points(x_test, 20, rng)
        x, a, b = (x_test[rows] for rows in (evaluation.points, evaluation.starts, evaluation.ends))
        samples = {
            ("GN", "sampled"): gn.gradient_norms(network, x),
            ("FPL", "sampled"): fpl.path_lengths_sampled(network, a, b, 9),
            ("FPL", "exact"): fpl.path_lengths_exact(network, a, b),
            ("GPL", "sampled"): gpl.gradient_path_lengths_sampled(network, a, b, 9),
            ("GPL", "exact"): gpl.gradient_path_lengths_exact(network, a, b),
        }
        values = {
            (one.measure, one.estimator): one
            for one in measures.measure(network, evaluation, grid_points=9)
        }
        assert list(values) == measures.all_estimates()
        for key, sample in samples.items():
            assert values[key].value == pytest.approx(sum(sample) / 20)
            variance = sum((sample - sum(sample) / 20) ** 2) / 19
            assert values[key].stderr == pytest.approx(np.sqrt(variance / 20))
            assert values[key].n_samples == 20
        assert values["GN", "exact"] == measures.Measurement(
            "GN", "exact", pytest.approx(gn.gradient_norms(network, x_test).mean()), 0, 30
        )
        assert values["WP", "exact"] == measures.Measurement(
            "WP", "exact", wp.weights_product(network), 0, 0, images="none"
        )

    def test_one_sample_has_no_standard_error(self):
        rows = np.arange(2)
        evaluation = measures.EvaluationPoints(points_1d(1, 2), rows[:1], rows[:1], rows[1:])
        values = measures.measure(network_1d((1, 0, 1)), evaluation, names=PAPERS_FOUR)
        assert [one.value for one in values] == [1, 1, 1, 1, 0, 0, 1]
        assert np.isnan(values[0].stderr)


class TestEvaluationPoints:
    x_test = np.zeros((6, 2), np.float32)

    def draw(self, n_samples, **coordinates):
        return measures.draw_evaluation_points(
            self.x_test, n_samples, generator(stream("evaluation", **coordinates))
        )

    def test_points_are_distinct_and_segments_drawn_with_replacement(self):
        drawn = self.draw(4)
        assert drawn.images is self.x_test
        assert drawn.points.shape == (4,) and len(np.unique(drawn.points)) == 4
        drawn = self.draw(2000)
        assert sorted(drawn.points) == list(range(6))
        assert drawn.starts.shape == drawn.ends.shape == (2000,)
        joint = np.zeros((6, 6), int)
        np.add.at(joint, (drawn.starts, drawn.ends), 1)
        # 2000 / 36 = 55.6 each, standard deviation 7.3: uniform and independent, a = b included
        assert joint.min() > 25 and joint.max() < 90

    def test_the_stream_decides(self):
        one, same, other = self.draw(50, pair="4-9"), self.draw(50, pair="4-9"), self.draw(50)
        for name in ("points", "starts", "ends"):
            np.testing.assert_array_equal(getattr(one, name), getattr(same, name))
        assert not np.array_equal(one.starts, other.starts)

    def test_nothing_to_draw(self):
        with pytest.raises(ValueError, match="0 samples"):
            self.draw(0)
        with pytest.raises(ValueError, match="3 samples from 0 images"):
            measures.draw_evaluation_points(self.x_test[:0], 3, np.random.default_rng())
