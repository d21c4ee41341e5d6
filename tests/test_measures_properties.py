"""What must hold for every network and every segment, and for every random stream."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smoothcore import measures
from smoothcore.measures import fpl, gn, gpl, wp
from smoothcore.network.seeds import EpochPermutations, generator, stream
from smoothcore.network.two_layer import TwoLayerNetwork
from tests.measure_cases import all_of, largest_eigenvalue

settings.register_profile("stable", deadline=None, derandomize=True, max_examples=100)
stable = settings.get_profile("stable")

SAMPLED_LENGTHS = (fpl.path_lengths_sampled, gpl.gradient_path_lengths_sampled)
EXACT_LENGTHS = (fpl.path_lengths_exact, gpl.gradient_path_lengths_exact)


@st.composite
def cases(draw, smooth=False):
    """A network and segments (network, a, b).

    Half of the networks have small integer parameters: units that are dead, copies of each other,
    or cross at the same t. ``smooth`` leaves them out, where rounding alone decides on which side
    of a grid point such a crossing falls.
    """
    d, h, n_segments = draw(st.integers(1, 5)), draw(st.integers(1, 12)), draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if smooth or draw(st.booleans()):
        network = TwoLayerNetwork(*(rng.normal(size=s) for s in ((d, h), h, h, ())))
        a, b = rng.normal(size=(2, n_segments, d))
    else:
        network = TwoLayerNetwork(
            *(rng.integers(-3, 4, size=s).astype(float) for s in ((d, h), h, h, ()))
        )
        a, b = rng.integers(-2, 3, size=(2, n_segments, d)).astype(float)
    return network, a, b


def slack(network, a, b):
    """What rounding may do to a length: many last places of the largest possible one."""
    reach = 1 + np.abs(a).max() + np.abs(b).max()
    weights = np.abs(network.W).sum(axis=0) + np.abs(network.beta)
    return 1e-12 * reach * (1 + float(np.abs(network.v) @ weights))


def values(network, a, b, n):
    """Every per-sample value of every measure, by name."""
    named = {lengths.__name__: lengths(network, a, b, n) for lengths in SAMPLED_LENGTHS}
    named |= {lengths.__name__: lengths(network, a, b) for lengths in EXACT_LENGTHS}
    named["gradient_norms"] = gn.gradient_norms(network, a)
    named["weights_product"] = wp.weights_product(network)
    return named


def assert_same_values(one, other, a, b, n):
    expected = values(one, a, b, n)
    for name, value in values(other, a, b, n).items():
        np.testing.assert_allclose(
            value, expected[name], rtol=1e-9, atol=slack(one, a, b), err_msg=name
        )


@stable
@given(
    cases(smooth=True), st.lists(st.floats(0.01, 100), min_size=12, max_size=12), st.integers(2, 40)
)
def test_the_scale_between_the_layers_is_irrelevant(case, scales, n):
    network, a, b = case
    s = np.array(scales[: network.h])
    rescaled = TwoLayerNetwork(network.W * s, network.beta * s, network.v / s, network.c)
    assert_same_values(network, rescaled, a, b, n)


@stable
@given(cases(), st.integers(2, 60))
def test_exact_bounds_sampled(case, n):
    network, a, b = case
    for sampled, exact in zip(SAMPLED_LENGTHS, EXACT_LENGTHS, strict=True):
        excess = sampled(network, a, b, n) - exact(network, a, b)
        assert excess.max() <= slack(network, a, b)


@stable
@given(cases(), st.integers(2, 60))
def test_a_finer_grid_sees_no_less(case, n):
    """t_k of n points are every second of 2n − 1 points."""
    network, a, b = case
    for sampled in SAMPLED_LENGTHS:
        loss = sampled(network, a, b, n) - sampled(network, a, b, 2 * n - 1)
        assert loss.max() <= slack(network, a, b)


@stable
@given(cases(), st.integers(2, 60))
def test_no_path_is_shorter_than_the_way_from_end_to_end(case, n):
    network, a, b = case
    rise = np.abs(network(b) - network(a))
    for lengths in (
        fpl.path_lengths_sampled(network, a, b, n),
        fpl.path_lengths_exact(network, a, b),
    ):
        assert (rise - lengths).max() <= slack(network, a, b)


@stable
@given(cases())
def test_the_weights_product_bounds_the_gradient(case):
    network, a, b = case
    bound = wp.weights_product(network) + slack(network, a, b)
    assert gpl.gradient_path_lengths_exact(network, a, b).max() <= bound
    assert gn.gradient_norms(network, a).max() <= bound


@stable
@given(cases(), st.integers(2, 40))
def test_a_path_has_the_same_length_both_ways(case, n):
    """FPL: to rounding; GPL: up to the point at which a unit is off, so only the exact one."""
    network, a, b = case
    for lengths in (
        lambda a, b: fpl.path_lengths_sampled(network, a, b, n),
        lambda a, b: fpl.path_lengths_exact(network, a, b),
        lambda a, b: gpl.gradient_path_lengths_exact(network, a, b),
    ):
        np.testing.assert_allclose(lengths(a, b), lengths(b, a), atol=slack(network, a, b))


# Of all measures, on images.


@st.composite
def networks_on_images(draw, smooth=False):
    """A network and images (network, x); half of the networks have small integer parameters."""
    network, a, b = draw(cases(smooth))
    return network, np.concatenate([a, b])


def estimates(network, x):
    """Every value by measure and estimator, on all images and a segment from each to the next."""
    return {(one.measure, one.estimator): one.value for one in measures.measure(network, all_of(x))}


def assert_same_estimates(one, other, x, but=()):
    expected, room = estimates(one, x), slack(one, x, x)
    for key, value in estimates(other, x).items():
        if key not in but:
            assert value == pytest.approx(expected[key], rel=1e-9, abs=room), key


@stable
@given(cases(), st.randoms(use_true_random=False), st.integers(2, 40))
def test_the_order_of_the_units_is_irrelevant(case, random, n):
    """To each length of a path on n points, and to every measure."""
    network, a, b = case
    order = list(range(network.h))
    random.shuffle(order)
    permuted = TwoLayerNetwork(
        network.W[:, order], network.beta[order], network.v[order], network.c
    )
    assert_same_values(network, permuted, a, b, n)
    assert_same_estimates(network, permuted, np.concatenate([a, b]))


@stable
@given(networks_on_images(), st.lists(st.integers(-6, 6), min_size=12, max_size=12))
def test_the_scale_between_the_layers_changes_measures_of_the_function_only_by_rounding(
    case, powers
):
    """Powers of 2, so that images stay on the hyperplanes they are on.

    SH and the bound of LG depend on the scale; `test_measures_beyond` says how.
    """
    network, x = case
    s = 2.0 ** np.array(powers[: network.h])
    rescaled = TwoLayerNetwork(network.W * s, network.beta * s, network.v / s, network.c)
    assert_same_estimates(network, rescaled, x, but={("SH", "exact"), ("LG", "bound")})


@stable
@given(networks_on_images())
def test_what_bounds_what(case):
    network, x = case
    of, room = estimates(network, x), slack(network, x, x)
    product = of["WP", "exact"]
    assert of["GPL-pairs", "exact"] <= product / 2 + room
    assert of["CR", "exact"] <= network.h / 2
    assert of["RN", "exact"] <= product + room
    assert product <= of["PN", "exact"] + room
    assert of["LG", "largest"] <= of["LG", "bound"] + room
    assert of["GN", "exact"] ** 2 <= of["GC", "exact"] * (1 + 1e-12)
    assert of["GC", "exact"] <= of["LG", "largest"] ** 2 * (1 + 1e-12)
    assert of["SH", "exact"] >= measures.all_measures()["SH"].lower_bound


@stable
@given(networks_on_images(smooth=True))
def test_the_r_norm_is_the_weights_product_where_no_hyperplanes_coincide(case):
    of = estimates(*case)
    assert of["RN", "exact"] == pytest.approx(of["WP", "exact"], rel=1e-13)


@stable
@given(networks_on_images())
def test_the_stability_norm_bounds_the_sharpest_direction(case):
    """Every network interpolates its own values. Images on a hyperplane are moved off it."""
    network, x = case
    x = x + np.random.default_rng(len(x)).uniform(0.01, 0.1, size=x.shape)
    bound = 1 + 2 * estimates(network, x)["SN", "exact"]
    assert bound <= largest_eigenvalue(network, x) * (1 + 1e-6)


@settings(stable, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(6, 30), st.integers(10, 40))
def test_sampled_segments_estimate_all_pairs(seed, h, n):
    """Within 4.5 standard errors: by chance 7 examples in a million would not be."""
    rng = np.random.default_rng(seed)
    network = TwoLayerNetwork(*(rng.normal(size=s) for s in ((3, h), h, h, ())))
    drawn = measures.draw_evaluation_points(rng.normal(size=(n, 3)), 1000, rng)
    rows = measures.measure(network, drawn, names=["GPL", "GPL-pairs"])
    of = {(one.measure, one.estimator): one for one in rows}
    exact = of["GPL", "exact"]
    assert abs(exact.value - of["GPL-pairs", "exact"].value) <= 4.5 * exact.stderr
    assert of["GPL-pairs", "exact"].stderr == 0


COORDINATES = st.dictionaries(
    st.sampled_from(["pair", "size", "seed", "regularizer", "lambda_"]),
    st.text(max_size=3)
    | st.integers(-3, 3)
    | st.floats(-2, 2, allow_nan=False).map(lambda x: round(x, 1) + 0.0)
    | st.booleans(),
)
PURPOSES = st.sampled_from(["initialization", "permutations", "evaluation", "bootstrap"])


def identity(purpose, coordinates):
    """What names a stream; 1, 1.0, True and "1" are different coordinates."""
    return purpose, frozenset((key, type(x), x) for key, x in coordinates.items())


def first_draws(sequence):
    return tuple(generator(sequence).integers(2**63, size=4))


@stable
@given(PURPOSES, COORDINATES, PURPOSES, COORDINATES)
def test_streams_are_equal_exactly_where_their_coordinates_are(p, one, q, other):
    equal = identity(p, one) == identity(q, other)
    first, second = stream(p, **one), stream(q, **other)
    assert (first.entropy == second.entropy) == equal
    assert (first_draws(first) == first_draws(second)) == equal


@stable
@given(PURPOSES, COORDINATES)
def test_the_order_of_the_coordinates_is_irrelevant(purpose, coordinates):
    backwards = dict(reversed(coordinates.items()))
    assert stream(purpose, **coordinates).entropy == stream(purpose, **backwards).entropy


@stable
@given(PURPOSES, COORDINATES.filter(bool), st.data())
def test_one_changed_coordinate_is_another_stream(purpose, coordinates, data):
    name = data.draw(st.sampled_from(sorted(coordinates)))
    changed = coordinates | {name: f"{coordinates[name]}'"}
    fewer = {key: value for key, value in coordinates.items() if key != name}
    draws = {first_draws(stream(purpose, **c)) for c in (coordinates, changed, fewer)}
    assert len(draws) == 3


def test_streams_are_not_correlated():
    """Neighbouring seeds, the likeliest to be confused: uniform draws with no common part."""
    draws = np.stack(
        [generator(stream("initialization", seed=seed)).uniform(size=4000) for seed in range(8)]
    )
    off_diagonal = np.corrcoef(draws)[~np.eye(8, dtype=bool)]
    assert np.abs(off_diagonal).max() < 5 / np.sqrt(4000)


@pytest.mark.parametrize("n", [1, 2, 64, 200_000])
@pytest.mark.parametrize("index", [0, 1, 7])
def test_blocks_are_permutations(n, index):
    permutations = EpochPermutations(stream("permutations", seed=1), n)
    block = permutations.block(index)
    assert block.shape == (permutations.epochs_per_block, n)
    assert block.dtype == np.int32
    np.testing.assert_array_equal(
        np.sort(block[:3], axis=1), np.broadcast_to(np.arange(n), block[:3].shape)
    )


@settings(stable, max_examples=30)
@given(st.integers(0, 2**31), st.integers(2, 2000), st.permutations(range(4)))
def test_blocks_do_not_depend_on_the_order_they_are_had_in(seed, n, order):
    in_order = EpochPermutations(stream("permutations", seed=seed), n)
    blocks = [in_order.block(index) for index in range(4)]
    again = EpochPermutations(stream("permutations", seed=seed), n)
    for index in order:
        np.testing.assert_array_equal(again.block(index), blocks[index])
    for one, other in pairwise(blocks):
        assert not np.array_equal(one, other)


def test_every_epoch_has_a_fresh_permutation():
    block = EpochPermutations(stream("permutations", seed=1), 50).block(0)
    assert len(np.unique(block, axis=0)) == len(block)
