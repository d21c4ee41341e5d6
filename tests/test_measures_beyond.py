"""The measures beyond the paper's four, against their definitions; and everything of one run."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from smoothcore import measures
from smoothcore.measures import gpl, wp
from smoothcore.measures._units import Units
from smoothcore.network.two_layer import TwoLayerNetwork
from smoothcore.study.run import Run
from smoothcore.training.initial import initial_network
from smoothcore.training.loop import TrainingSet, train
from smoothcore.training.recipe import Recipe
from tests.measure_cases import (
    all_of,
    gradients,
    integer_network,
    largest_eigenvalue,
    network_1d,
    parameter_gradients,
    points_1d,
    random_network,
    value,
)


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def joined(one, other):
    """The network of the units of both."""
    return TwoLayerNetwork(
        np.hstack([one.W, other.W]),
        np.concatenate([one.beta, other.beta]),
        np.concatenate([one.v, other.v]),
        one.c,
    )


def scaled(network, s):
    """(w, β) → s (w, β) and v → v / s, s a number or one for each unit: the same function."""
    return TwoLayerNetwork(network.W * s, network.beta * s, network.v / s, network.c)


def stability_norm_by_definition(network, x):
    """Unit by unit, for units that share no hyperplane."""

    def side(u, t):
        s = x @ u - t
        if not (s > 0).any():
            return 0.0
        mean = x[s > 0].mean(axis=0)
        return np.mean(s > 0) ** 2 * s[s > 0].mean() * np.sqrt(1 + mean @ mean)

    total = 0.0
    for w, beta, v in zip(network.W.T, network.beta, network.v, strict=True):
        if norm := np.linalg.norm(w):
            u, t = w / norm, -beta / norm
            total += abs(v) * norm * min(side(u, t), side(-u, -t))
    return total


class TestByHand:
    def test_one_kink(self):
        network = network_1d((1, -0.5, 2))  # f = 2 relu(x − 1/2), on at the last image
        x = points_1d(0, 0.25, 1)
        assert value("GPL-pairs", network, x) == pytest.approx(2 * 4 / 9)
        assert value("CR", network, x) == pytest.approx(4 / 9)
        # on: P = 1/3, E[s] = 1/2, E[x] = 1; off: P = 2/3, E[−s] = 3/8, E[x] = 1/8, which is more
        assert value("SN", network, x) == pytest.approx(2 * (1 / 9) * (1 / 2) * np.sqrt(2))
        assert value("RN", network, x) == value("PN", network, x) == 2
        assert value("GC", network, x) == pytest.approx(4 / 3)
        assert value("LG", network, x) == value("LG", network, x, "bound") == 2
        # ‖∇_θf‖² = 1, 1, and 1 + 1/4 + 4 (1 + 1)
        assert value("SH", network, x) == pytest.approx(2 * (1 + 1 + 9.25) / 3)

    def test_an_image_on_the_hyperplane_is_on_neither_side_of_it(self):
        network = network_1d((1, 0, 1))
        x = points_1d(-2, 0, 0, 1)
        # on: P = 1/4, E[s] = 1, E[x] = 1; off: P = 1/4, E[−s] = 2, E[x] = −2
        assert value("SN", network, x) == pytest.approx(np.sqrt(2) / 16)
        assert value("CR", network, x) == pytest.approx(2 * (1 / 4) * (3 / 4))

    def test_norms_of_two_units(self):
        network = TwoLayerNetwork(
            np.array([[3.0, 0], [-4, 1]]), np.array([9.0, 9]), np.array([2.0, -1]), np.float64(5)
        )
        x = np.zeros((1, 2))
        assert value("RN", network, x) == 2 * 5 + 1
        assert value("PN", network, x) == 2 * (3 + 4) + 1

    def test_units_that_share_a_hyperplane(self):
        x = points_1d(0, 0.25, 1)
        unit = (1, -0.5, 2)
        alone = network_1d(unit)
        expected = [value(name, alone, x) for name in ("GPL-pairs", "SN", "RN")]

        def values(*units):
            network = network_1d(*units)
            return [value(name, network, x) for name in ("GPL-pairs", "SN", "RN")]

        assert values((1, -0.5, 3), (2, -1, -0.5)) == pytest.approx(expected)  # 3 − 1
        assert values((1, -0.5, 3), (2, -1, -1.5)) == [0, 0, 0]  # f = 0
        # |x − 1/2| has the kink of 2 relu(x − 1/2)
        assert values((1, -0.5, 1), (-1, 0.5, 1)) == pytest.approx(expected)
        # x − 1/2: no kink; but ∇f = 0 at x = 1/2, which GPL's total variation sees
        assert values((1, -0.5, 1), (-1, 0.5, -1)) == pytest.approx([expected[0], 0, 0])

    def test_a_bound_that_is_reached(self):
        """For |x| on −1 and 1, with balanced layers, 1 + 2 SN is λ_max itself."""
        network = scaled(network_1d((1, 0, 1), (-1, 0, 1)), 2**0.25)
        x = points_1d(-1, 1)
        assert value("SN", network, x) == pytest.approx(1 / np.sqrt(2))
        assert largest_eigenvalue(network, x) == pytest.approx(1 + np.sqrt(2))


class TestAgainstTheDefinitions:
    @pytest.mark.parametrize(("d", "h", "n"), [(3, 10, 15), (1, 1, 4), (8, 5, 1), (2, 30, 6)])
    def test_gpl_of_all_pairs(self, rng, d, h, n):
        x = rng.normal(size=(n, d))
        network = random_network(rng, d, h)
        copies = TwoLayerNetwork(network.W * 4, network.beta * 4, rng.normal(size=h), network.c)
        opposites = TwoLayerNetwork(-network.W, -network.beta, rng.normal(size=h), network.c)
        for units in (network, joined(network, copies), joined(network, opposites)):
            starts, ends = np.indices((n, n)).reshape(2, -1)
            lengths = gpl.gradient_path_lengths_exact(units, x[starts], x[ends])
            assert value("GPL-pairs", units, x) == pytest.approx(lengths.mean(), rel=1e-11)

    def test_crossings(self, rng):
        for make in (random_network, integer_network):
            network = make(rng, 3, 10)
            x = rng.integers(-2, 3, size=(12, 3)).astype(float)
            on = [[z > 0 for z in row] for row in network.preactivations(x)]
            switched = [sum(p != q for p, q in zip(a, b, strict=True)) for a in on for b in on]
            assert value("CR", network, x) == pytest.approx(sum(switched) / 12**2)

    @pytest.mark.parametrize(("d", "h", "n"), [(3, 10, 15), (1, 1, 4), (8, 5, 1), (2, 30, 6)])
    def test_stability_norm(self, rng, d, h, n):
        network = random_network(rng, d, h)
        x = rng.normal(size=(n, d))
        expected = stability_norm_by_definition(network, x)
        assert value("SN", network, x) == pytest.approx(expected, rel=1e-11)

    def test_stability_norm_with_images_on_hyperplanes(self, rng):
        W = np.array([[1.0, 2, 0, 1, -1], [0, 1, 1, -1, 3]])
        network = TwoLayerNetwork(
            W, np.array([1.0, 0, -1, 0, 2]), rng.normal(size=5), np.float64(0)
        )
        x = rng.integers(-2, 3, size=(20, 2)).astype(float)
        assert (network.preactivations(x) == 0).any()
        expected = stability_norm_by_definition(network, x)
        assert value("SN", network, x) == pytest.approx(expected, rel=1e-11)

    def test_r_norm_is_the_variation_of_the_derivative_on_the_line(self, rng):
        """Read off f itself, whatever units compute it: its slopes between its kinks."""
        for _ in range(30):
            network = integer_network(rng, 1, 8)
            with np.errstate(divide="ignore", invalid="ignore"):
                kinks = -network.beta / network.W[0]
            kinks = np.unique(kinks[np.isfinite(kinks)])
            edges = [-20.0, *kinks, 20.0]
            slopes = []
            for a, b in pairwise(edges):
                third = (b - a) / 3
                f = network(points_1d(a + third, b - third))
                slopes.append((f[1] - f[0]) / third)
            variation = np.abs(np.diff(slopes)).sum()
            assert value("RN", network, points_1d(0)) == pytest.approx(variation, abs=1e-11)

    def test_r_norm_is_the_weights_product_unless_hyperplanes_coincide(self, rng):
        network = random_network(rng, 4, 12)
        x = np.zeros((1, 4))
        weights_product = wp.weights_product(network)
        assert value("RN", network, x) == pytest.approx(weights_product, rel=1e-14)
        copies = scaled(network, rng.uniform(0.01, 100, size=12))
        doubled = joined(network, copies)
        assert wp.weights_product(doubled) == pytest.approx(2 * weights_product)
        assert value("RN", doubled, x) == pytest.approx(2 * weights_product)
        against = TwoLayerNetwork(copies.W, copies.beta, -copies.v, copies.c)
        assert value("RN", joined(network, against), x) == pytest.approx(
            0, abs=1e-13 * weights_product
        )

    def test_nearly_parallel_hyperplanes_are_not_one(self):
        """The cosine of their angle is 1 to the last bit."""
        network = network_1d((1, 0, 1), (1, 1e-9, -1))
        assert value("RN", network, points_1d(0)) == 2
        assert value("RN", network_1d((1, 0, 1), (1, 1e-15, -1)), points_1d(0)) == 0

    def test_gradients(self, rng):
        network = random_network(rng, 6, 9)
        x = rng.normal(size=(25, 6))
        norms = [np.sqrt(sum(g**2)) for g in gradients(network, x)]
        assert value("GC", network, x) == pytest.approx(sum(n**2 for n in norms) / 25)
        assert value("LG", network, x) == pytest.approx(max(norms))
        bound = np.linalg.svd(network.W, compute_uv=False)[0] * np.linalg.norm(network.v)
        assert value("LG", network, x, "bound") == pytest.approx(bound)

    @pytest.mark.parametrize(("d", "h", "n"), [(4, 7, 9), (1, 1, 1)])
    def test_sharpness_is_the_trace_of_the_hessian(self, rng, d, h, n):
        """By second differences of the loss, at targets that are not interpolated."""
        network = random_network(rng, d, h)
        x, y = rng.normal(size=(n, d)), rng.normal(size=n)
        parameters = [network.W, network.beta, network.v, network.c]
        masks = network.preactivations(x) > 0
        step, trace = 1e-4, 0.0
        for which, parameter in enumerate(parameters):
            for index in np.ndindex(parameter.shape):
                losses = []
                for change in (-step, 0, step):
                    changed = [p.copy() for p in parameters]
                    changed[which][index] += change
                    moved = TwoLayerNetwork(*changed)
                    assert np.array_equal(moved.preactivations(x) > 0, masks)
                    losses.append(moved.loss(x, y))
                trace += (losses[0] - 2 * losses[1] + losses[2]) / step**2
        # each difference is wrong by about the rounding of L, divided by the step's square
        assert value("SH", network, x) == pytest.approx(trace, rel=1e-5)
        squares = (parameter_gradients(network, x) ** 2).sum()
        assert value("SH", network, x) == pytest.approx(2 * squares / n)

    def test_path_norm(self, rng):
        network = random_network(rng, 5, 7)
        paths = (abs(network.W[j, i] * network.v[i]) for j in range(5) for i in range(7))
        assert value("PN", network, np.zeros((1, 5))) == pytest.approx(sum(paths))


class TestWhatHoldsInstead:
    """Of the measures that see more than the function f."""

    def test_sharpness_depends_on_the_scale_between_the_layers(self, rng):
        network = random_network(rng, 5, 7)
        x = rng.normal(size=(20, 5))
        hidden = np.maximum(network.preactivations(x), 0)
        a = np.mean(hidden**2, axis=0)
        b = network.v**2 * np.mean((hidden > 0) * (1 + (x**2).sum(1, keepdims=True)), axis=0)
        for s in (0.1, 1, 3, rng.uniform(0.1, 10, size=7)):
            expected = 2 + 2 * (s**2 * a + b / s**2 * np.ones(7)).sum()
            assert value("SH", scaled(network, s), x) == pytest.approx(expected)
        least = 2 + 4 * np.sqrt(a * b).sum()
        on = a > 0
        balanced = np.where(on, (b / np.where(on, a, 1)) ** 0.25, 1)
        assert value("SH", scaled(network, balanced), x) == pytest.approx(least)

    def test_the_path_norm_depends_on_the_axes(self, rng):
        network = random_network(rng, 6, 7)
        x = rng.normal(size=(20, 6))
        rotation = np.linalg.qr(rng.normal(size=(6, 6)))[0]
        rotated = TwoLayerNetwork(rotation @ network.W, network.beta, network.v, network.c)
        for name, about in measures.all_measures().items():
            for estimator in about.estimators:
                same = pytest.approx(value(name, network, x, estimator), rel=1e-10)
                assert (value(name, rotated, x @ rotation.T, estimator) == same) == (name != "PN")
        # at most sqrt(d) times WP, at least WP
        assert 1 <= value("PN", rotated, x) / wp.weights_product(network) <= np.sqrt(6)

    def test_the_upper_bound_of_the_gradient_needs_one_scale_for_all_units(self, rng):
        network = random_network(rng, 5, 7)
        x = np.zeros((1, 5))
        bound = value("LG", network, x, "bound")
        assert value("LG", scaled(network, 3.7), x, "bound") == pytest.approx(bound)
        uneven = value("LG", scaled(network, rng.uniform(0.1, 10, size=7)), x, "bound")
        assert uneven > 1.1 * bound


class TestGradientDescent:
    """Full-batch gradient descent on 1/(2n) Σ (f − y)² from a random start to interpolation."""

    @pytest.mark.parametrize("seed", range(4))
    def test_stability_norm_at_the_end(self, seed):
        rng = np.random.default_rng(seed)
        d, h, n, eta = 3, 20, 8, 0.05
        x = rng.normal(size=(n, d))
        y = rng.choice([-1.0, 1.0], size=n)
        network = random_network(rng, d, h)
        for _ in range(20_000):
            z = network.preactivations(x)
            residual = network(x) - y
            if np.mean(residual**2) < 1e-20:
                break
            dz = residual[:, None] * (z > 0) * network.v / n
            network = TwoLayerNetwork(
                network.W - eta * x.T @ dz,
                network.beta - eta * dz.sum(axis=0),
                network.v - eta * np.maximum(z, 0).T @ residual / n,
                network.c - eta * residual.mean(),
            )
        assert network.loss(x, y) < 1e-20
        sharpest = largest_eigenvalue(network, x)
        assert 1 + 2 * value("SN", network, x) <= sharpest <= 2 / eta


class TestRun:
    """`measure_run`: one network before and after training, on two sets of images."""

    @pytest.fixture
    def case(self, rng):
        trained, initial = (random_network(rng, 5, 12).astype(np.float32) for _ in range(2))
        images = [rng.normal(size=(n, 5)).astype(np.float32) for n in (30, 40)]
        for x in images:
            x[:, 2] = 0  # a dark pixel
        test, training = (measures.draw_evaluation_points(x, 20, rng) for x in images)
        return trained, initial, test, training

    def test_every_value_is_that_of_its_network_and_images(self, case):
        trained, initial, test, training = case
        rows = measures.measure_run(*case, grid_points=9)
        papers = [row for row in rows if row.network == "trained" and row.images != "training"]
        assert papers == measures.measure(trained, test, 9)
        assert rows[: len(papers)] == papers
        networks = {"trained": trained, "initial": initial}
        points = {"test": test, "training": training, "none": test}
        for row in rows:
            expected = next(
                one
                for one in measures.measure(networks[row.network], points[row.images], 9)
                if (one.measure, one.estimator) == (row.measure, row.estimator)
            )
            assert row.value == pytest.approx(expected.value, rel=1e-12)
            assert row.stderr == pytest.approx(expected.stderr, rel=1e-9)
            assert row.n_samples == expected.n_samples

    def test_each_measure_is_on_both_sets_unless_it_needs_none(self, case):
        rows = measures.measure_run(*case)
        found = [(row.network, row.images, row.measure, row.estimator) for row in rows]
        about = measures.all_measures()
        expected = [
            (network, images, measure, estimator)
            for network in ("trained", "initial")
            for measure, estimator in measures.all_estimates()
            for images in (("test", "training") if about[measure].images else ("none",))
        ]
        assert sorted(found) == sorted(expected)
        assert len(rows) == 2 * (2 * 13 + 3)

    def test_main_is_each_estimate_of_the_trained_network_once(self, case):
        main = [row for row in measures.measure_run(*case) if row.main]
        assert sorted((row.measure, row.estimator) for row in main) == sorted(
            measures.all_estimates()
        )
        images = {row.measure: row.images for row in main}
        of_training, of_none = {"GC", "SN", "SH"}, {"WP", "RN", "PN"}
        assert {name for name in images if images[name] == "training"} == of_training
        assert {name for name in images if images[name] == "none"} == of_none
        assert {images[name] for name in images.keys() - of_training - of_none} == {"test"}
        assert all(row.network == "trained" for row in main)

    def test_a_diverged_network_has_no_values_but_its_initial_one_has(self, case):
        trained, initial, test, training = case
        broken = TwoLayerNetwork(trained.W, trained.beta, trained.v * np.nan, trained.c)
        rows = measures.measure_run(broken, initial, test, training)
        assert len(rows) == len(measures.measure_run(*case))
        for row in rows:
            assert np.isnan(row.value) == np.isnan(row.stderr) == (row.network == "trained")

    def test_some_measures_only(self, case):
        rows = measures.measure_run(*case, names=(name for name in ("WP", "GC")))
        assert [(row.measure, row.images) for row in rows if row.network == "trained"] == [
            ("WP", "none"), ("GC", "test"), ("GC", "training"),
        ]  # fmt: skip
        with pytest.raises(ValueError, match=r"no measure is called \['GX'\]: choose among"):
            measures.measure_run(*case, names=["GN", "GX"])
        (one,) = measures.measure(case[0], case[2], names="WP")
        assert one.measure == "WP"

    def test_images_of_other_shapes(self, case):
        """Shaped as a Keras model takes them, or of another number of pixels."""
        trained, initial, test, _ = case
        n, d = test.images.shape
        shaped = replace(test, images=test.images.reshape(n, d, 1))
        assert measures.measure(trained, shaped) == measures.measure(trained, test)
        narrow = replace(test, images=test.images[:, 1:])
        said = rf"the images have {d - 1} pixels, .* the network takes {d}"
        with pytest.raises(ValueError, match=said):
            measures.measure(trained, narrow)
        with pytest.raises(ValueError, match=said):
            measures.measure_run(trained, initial, test, narrow)

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_images_that_are_not_finite_are_refused(self, rng, value):
        """Else every unit would be off there, and f perfectly smooth."""
        images = rng.random((5, 3))
        images[[2, 4], 1] = value
        with pytest.raises(ValueError, match=r"2 of 5 images .* not finite, the first is image 2"):
            measures.draw_evaluation_points(images, 9, rng)


def test_the_initial_network_is_the_one_that_training_starts_from():
    run = Run("4-9", 2, 3, "none", 0.0, 0.1)
    recipe = Recipe("digits", "sparse", 5, 0.01, 2, 1e-5, max_epochs=0)
    data = TrainingSet(np.eye(2, 4, dtype=np.float32), np.float32([-1, 1]))
    start, expected = train(run, recipe, data).state.network, initial_network(run, recipe, 4)
    for name in ("W", "beta", "v", "c"):
        np.testing.assert_array_equal(getattr(start, name), getattr(expected, name))
        assert getattr(start, name).dtype == getattr(expected, name).dtype == np.float32
    other = initial_network(Run("4-9", 2, 4, "none", 0.0, 0.1), recipe, 4)
    assert not np.array_equal(other.W, expected.W)


class TestDegenerate:
    @pytest.mark.parametrize("x", [[1.0], [-1.0]])
    def test_a_unit_that_is_always_on_or_never(self, x):
        network = network_1d((1, 0, 3), c=2)
        images = points_1d(*x, *x)
        slope = 3 if x == [1] else 0
        assert [value(name, network, images) for name in ("GPL-pairs", "CR", "SN")] == [0, 0, 0]
        assert value("LG", network, images) == slope
        assert value("GC", network, images) == slope**2
        assert value("SH", network, images) == 2 * (1 + (1 + 9 * 2 if slope else 0))

    def test_units_without_a_hyperplane(self):
        """w = 0: a constant, on or off everywhere. v = 0: no part of f."""
        network = network_1d((0, 1, 5), (0, -1, 5), (0, 0, 5), (1, 0, 0))
        x = points_1d(-1, 2)
        for name in ("GPL-pairs", "SN", "RN", "PN", "GC", "LG"):
            assert value(name, network, x) == 0, name
        assert value("CR", network, x) == pytest.approx(1 / 2)
        # of c 1; of the first unit's v, β and w 1, 25 and 25 x²; of the last one's v relu(x)²
        assert value("SH", network, x) == (1 + 1 + 25 + 25) + (1 + 1 + 25 + 25 * 4 + 4)

    def test_all_units_are_one(self):
        units = Units(network_1d(*[(s, -s, 1 / s) for s in (1, 2, 5, 0.3)]))
        np.testing.assert_allclose(units.hyperplane_jumps, [4, 0, 0, 0], atol=1e-14)
        np.testing.assert_allclose(units.half_space_jumps, [4, 0, 0, 0], atol=1e-14)

    def test_images_without_a_bright_pixel(self, rng):
        network = random_network(rng, 3, 6)
        dark = all_of(np.zeros((4, 3)))
        for one in measures.measure_run(network, network, dark, dark):
            assert np.isfinite(one.value)
            if one.measure in ("FPL", "GPL", "GPL-pairs", "CR", "SN"):
                assert one.value == 0


class TestDescriptions:
    def test_each_measure_says_what_tables_need(self):
        for about in measures.all_measures().values():
            assert about.order in ("1", "2", "parameters", "weights")
            assert about.images in (measures.TEST, measures.TRAINING, "")
            assert about.source and about.long_name
            assert about.main_estimator in about.estimators

    def test_the_papers_four_come_first(self):
        assert list(measures.all_measures())[:4] == ["GN", "FPL", "GPL", "WP"]

    def test_colours_are_told_apart(self):
        """None two are nearer than the nearest two of the paper's four, to any kind of reader."""
        colors = [about.color for about in measures.all_measures().values()]
        seen = np.array([[_oklab(kind @ _linear(c)) for kind in _READERS] for c in colors])
        distances = np.linalg.norm(seen[:, None] - seen, axis=3).min(axis=2)
        distances[np.diag_indices(len(colors))] = np.inf
        assert distances.min() >= distances[:4, :4].min()


def _linear(color):
    c = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def _oklab(rgb):
    """Oklab of linear sRGB (Ottosson 2020): distances in it are about those that are seen."""
    cones = np.array([[412, 536, 51], [212, 681, 107], [88, 282, 630]]) / 1000
    lab = np.array([[210, 794, -4], [1978, -2429, 451], [26, 783, -809]]) / 1000
    return lab @ np.cbrt(cones @ np.clip(rgb, 0, 1))


#: a full sense of colour, and what is left of it without one kind of cones (Machado et al. 2009)
_READERS = (
    np.array(
        [
            [[1000, 0, 0], [0, 1000, 0], [0, 0, 1000]],
            [[152, 1053, -205], [115, 786, 99], [-4, -48, 1052]],
            [[367, 861, -228], [280, 673, 47], [-12, 43, 969]],
            [[1256, -77, -179], [-78, 931, 148], [5, 691, 304]],
        ]
    )
    / 1000
)
