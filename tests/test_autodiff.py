"""Measures by automatic differentiation: by hand, by finite differences, against closed forms."""

import keras
import numpy as np
import pytest
from keras.layers import BatchNormalization, Conv2D, Dense, Dropout, Flatten, Rescaling

from smoothcore import measures
from smoothcore.errors import SmoothcoreError
from smoothcore.keras_models import autodiff
from smoothcore.keras_models.conversion import to_keras
from smoothcore.measures import EvaluationPoints, draw_evaluation_points
from smoothcore.network.two_layer import TwoLayerNetwork, initialize

pytestmark = pytest.mark.tensorflow


def model_of(W, beta, v, c):
    return to_keras(TwoLayerNetwork(*(np.asarray(p, np.float64) for p in (W, beta, v, c))))


def random_points(d, n=12, seed=0):
    rng = np.random.default_rng(seed)
    return draw_evaluation_points(rng.standard_normal((30, d)), n, rng)


def by_name(measurements):
    return {m.measure: m for m in measurements}


def test_one_kink_by_hand():
    """f(x) = relu(x) on [−1, 3]: |Δf| sums to 3, the gradient jumps once from 0 to 1."""
    model = model_of([[1]], [0], [1], 0)
    points = np.array([[-1.0], [2.0], [3.0], [-2.0]])
    rows = np.arange(4)
    evaluation = EvaluationPoints(points, points=rows, starts=rows[:1], ends=rows[2:3])
    got = by_name(autodiff.measure(model, evaluation, grid_points=10))
    assert got["GN"].value == pytest.approx(0.5, abs=1e-15)
    # 0, 1, 1, 0: sample variance 1/3, so the standard error is sqrt(1/3) / 2
    assert got["GN"].stderr == pytest.approx(np.sqrt(1 / 3) / 2, abs=1e-15)
    assert got["GN"].n_samples == 4
    assert got["FPL"].value == pytest.approx(3, abs=1e-14)
    assert got["GPL"].value == pytest.approx(1, abs=1e-15)
    assert np.isnan(got["GPL"].stderr)
    assert got["GPL"].n_samples == 1
    assert {m.estimator for m in got.values()} == {"sampled"}


def test_affine_function():
    """f(x) = ⟨w, x⟩ + b: GN = ‖w‖, FPL = |Δf| and GPL = 0."""
    w = np.array([3.0, 0, -4])
    model = keras.Sequential([keras.Input((3,), dtype="float64"), Dense(1, dtype="float64")])
    model.set_weights([w[:, None], np.array([0.7])])
    evaluation = random_points(3)
    got = by_name(autodiff.measure(model, evaluation))
    assert got["GN"].value == pytest.approx(5, abs=1e-14)
    assert got["GN"].stderr == pytest.approx(0, abs=1e-14)
    x = evaluation.images
    df = np.abs((x[evaluation.ends] - x[evaluation.starts]) @ w)
    assert got["FPL"].value == pytest.approx(df.mean(), abs=1e-12)
    assert got["FPL"].stderr == pytest.approx(df.std(ddof=1) / np.sqrt(12), abs=1e-12)
    assert got["GPL"].value == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("d", "h", "grid_points"), [(1, 1, 2), (3, 8, 100), (20, 40, 11)])
@pytest.mark.parametrize("seed", [0, 1])
def test_agrees_with_the_closed_forms(d, h, grid_points, seed):
    rng = np.random.default_rng(seed)
    network = initialize(d, h, 1.0, rng).astype(np.float64)
    network = TwoLayerNetwork(network.W, 0.1 * rng.standard_normal(h), network.v, network.c)
    evaluation = random_points(d, n=25, seed=seed)
    closed = measures.measure(network, evaluation, grid_points)
    expected = by_name(m for m in closed if m.estimator == "sampled")
    got = autodiff.measure(to_keras(network), evaluation, grid_points)
    assert [m.measure for m in got] == ["GN", "FPL", "GPL"]
    for m in got:
        assert m.value == pytest.approx(expected[m.measure].value, rel=1e-10, abs=1e-14)
        assert m.stderr == pytest.approx(expected[m.measure].stderr, rel=1e-10, abs=1e-14)
        assert m.n_samples == expected[m.measure].n_samples


def test_agrees_with_the_closed_forms_in_float32_on_digits():
    """At the precision and the sizes in use: 64 pixels in [0, 1], float32 weights."""
    from sklearn.datasets import load_digits

    x = (load_digits().data[:200] / 16).astype(np.float32)
    network = initialize(64, 32, 0.5, np.random.default_rng(2))
    evaluation = draw_evaluation_points(x, 40, np.random.default_rng(0))
    expected = by_name(m for m in measures.measure(network, evaluation) if m.estimator == "sampled")
    for m in autodiff.measure(to_keras(network), evaluation):
        # FPL sums 99 differences of an f of the order of 1, each rounded at 6e-8
        assert m.value == pytest.approx(expected[m.measure].value, rel=1e-5)


def deep_model(d=4):
    """Smooth, deep and with layers that act differently in training and in inference; float64."""
    keras.utils.set_random_seed(5)
    kinds = [
        (Dense, {"units": 9, "activation": "tanh"}),
        (Dropout, {"rate": 0.5}),
        (BatchNormalization, {}),
        (Dense, {"units": 7, "activation": "softplus"}),
        (Dense, {"units": 1}),
    ]
    layers = [kind(dtype="float64", **settings) for kind, settings in kinds]
    return keras.Sequential([keras.Input((d,), dtype="float64"), *layers])


def finite_differences(model, x, step=1e-5):
    gradient = np.empty_like(x)
    for j in range(x.shape[1]):
        e = step * np.eye(x.shape[1])[j]
        up, down = (model(shifted, training=False).numpy()[:, 0] for shifted in (x + e, x - e))
        gradient[:, j] = (up - down) / (2 * step)
    return gradient


def test_deeper_model_agrees_with_finite_differences():
    model, evaluation, n = deep_model(), random_points(4), 20
    got = by_name(autodiff.measure(model, evaluation, n))
    x = evaluation.images
    gn = np.linalg.norm(finite_differences(model, x[evaluation.points]), axis=1).mean()
    fpl, gpl = [], []
    for a, b in zip(x[evaluation.starts], x[evaluation.ends], strict=True):
        path = a + np.linspace(0, 1, n)[:, None] * (b - a)
        fpl.append(np.abs(np.diff(model(path, training=False).numpy()[:, 0])).sum())
        jumps = np.diff(finite_differences(model, path), axis=0)
        gpl.append(np.linalg.norm(jumps, axis=1).sum())
    # central differences: error step² ≈ 1e-10 and rounding 1e-16 / step = 1e-11
    assert got["GN"].value == pytest.approx(gn, rel=1e-7)
    assert got["FPL"].value == pytest.approx(np.mean(fpl), rel=1e-12)
    assert got["GPL"].value == pytest.approx(np.mean(gpl), rel=1e-7)


def test_image_models_take_flat_vectors():
    """Conv2D with one 1 × 1 kernel of weight 2, then a sum: f(x) = 2 Σ x, GN = 2 sqrt(784)."""
    layers = [Conv2D(1, 1), Flatten(), Dense(1, use_bias=False)]
    model = keras.Sequential([keras.Input((28, 28, 1)), *layers])
    model.set_weights([np.full((1, 1, 1, 1), 2.0), np.zeros(1), np.ones((784, 1))])
    rng = np.random.default_rng(0)
    evaluation = draw_evaluation_points(rng.random((10, 784)).astype(np.float32), 5, rng)
    (gn,) = autodiff.measure(model, evaluation, measures=("GN",))
    assert gn.value == pytest.approx(56, rel=1e-6)


def test_output_without_trailing_axis():
    inputs = keras.Input((3,), dtype="float64")
    model = keras.Model(inputs, keras.ops.sum(inputs, axis=1))
    (gn,) = autodiff.measure(model, random_points(3), measures=("GN",))
    assert gn.value == pytest.approx(np.sqrt(3))


def test_a_model_that_ignores_its_input_has_gradient_zero():
    inputs = keras.Input((3,), dtype="float64")
    model = keras.Model(inputs, keras.ops.zeros_like(inputs)[:, :1])
    assert [m.value for m in autodiff.measure(model, random_points(3))] == [0, 0, 0]


@pytest.mark.parametrize("rows", [1, 7, 30])
def test_batching_does_not_change_the_result(monkeypatch, rows):
    model, evaluation = deep_model(), random_points(4)
    whole = autodiff.measure(model, evaluation, 6)
    monkeypatch.setattr(autodiff, "ROWS_AT_ONCE", rows)
    for one, other in zip(autodiff.measure(model, evaluation, 6), whole, strict=True):
        assert one.value == pytest.approx(other.value, rel=1e-12)


@pytest.mark.parametrize(("grid_points", "at_once"), [(40, 40), (5, 15)])
def test_memory_is_bounded(monkeypatch, grid_points, at_once):
    """The model sees 16 inputs at a time; the path is held for whole segments only."""
    inputs, paths = [], []

    class Recording(Rescaling):
        def call(self, x):
            inputs.append(x.shape[0])
            return super().call(x)

    def recording(model, x):
        paths.append(len(x))
        return values_and_gradients(model, x)

    model = keras.Sequential([keras.Input((4,)), Recording(1.0), Dense(1)])
    inputs.clear()
    values_and_gradients = autodiff.values_and_gradients
    monkeypatch.setattr(autodiff, "values_and_gradients", recording)
    monkeypatch.setattr(autodiff, "ROWS_AT_ONCE", 16)
    autodiff.measure(model, random_points(4, n=30), grid_points, measures=("FPL", "GPL"))
    assert max(inputs) == min(16, at_once)
    assert max(paths) == at_once


def test_fpl_alone_is_the_same_without_gradients():
    model, evaluation = deep_model(), random_points(4)
    (fpl,) = autodiff.measure(model, evaluation, measures=("FPL",))
    assert fpl.value == pytest.approx(autodiff.measure(model, evaluation)[1].value, rel=1e-12)


def test_wp_is_refused_readably():
    with pytest.raises(SmoothcoreError, match=r"WP .* is defined for two-layer ReLU networks only"):
        autodiff.measure(deep_model(), random_points(4), measures=("GN", "WP"))


def test_misfits_are_refused_readably():
    two = keras.Sequential([keras.Input((4,)), Dense(2)])
    with pytest.raises(SmoothcoreError, match=r"not a function to the real numbers.*\(None, 2\)"):
        autodiff.measure(two, random_points(4))
    with pytest.raises(SmoothcoreError, match=r"takes inputs of shape \(4,\).* have 5 entries"):
        autodiff.measure(deep_model(), random_points(5))
    with pytest.raises(ValueError, match="unknown measures"):
        autodiff.measure(two, random_points(4), measures=("gn",))
    with pytest.raises(ValueError, match="at least 2 points"):
        autodiff.measure(two, random_points(4), grid_points=1)
