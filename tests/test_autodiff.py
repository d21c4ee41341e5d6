"""Measures by automatic differentiation: by hand, by finite differences, against closed forms."""

import dataclasses
import inspect

import keras
import numpy as np
import pytest
import scipy.sparse
import tensorflow as tf
from keras.layers import (
    BatchNormalization,
    Conv2D,
    Dense,
    Discretization,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePooling2D,
    Lambda,
    Rescaling,
    Reshape,
)

from smoothcore import measures
from smoothcore.errors import SmoothcoreError
from smoothcore.keras_models import autodiff, definitions, function
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
    assert got["GC"].value == pytest.approx(0.5, abs=1e-15)
    assert got["LG"].value == pytest.approx(1, abs=1e-15)
    # ∂f/∂(w, β, v, c) is (0, 0, 0, 1) where the unit is off, (x, 1, x, 1) at x = 2 and 3: the
    # squares sum to 1, 10, 20, 1
    assert got["SH"].value == pytest.approx(2 * 32 / 4, abs=1e-14)
    for name in ("GC", "LG", "SH"):
        assert (got[name].stderr, got[name].n_samples) == (0, 4)


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
    expected = {(m.measure, m.estimator): m for m in closed}
    got = autodiff.measure(to_keras(network), evaluation, grid_points)
    assert [m.measure for m in got] == list(autodiff.all_definitions())
    for m in got:
        same = expected[m.measure, measures.all_measures()[m.measure].main_estimator]
        assert m.value == pytest.approx(same.value, rel=1e-10, abs=1e-14)
        assert m.stderr == pytest.approx(same.stderr, rel=1e-10, abs=1e-14)
        assert (m.estimator, m.n_samples, m.images) == (same.estimator, same.n_samples, "test")


def test_agrees_with_the_closed_forms_in_float32_on_digits():
    """At the precision and the sizes in use: 64 pixels in [0, 1], float32 weights."""
    from sklearn.datasets import load_digits

    x = (load_digits().data[:200] / 16).astype(np.float32)
    network = initialize(64, 32, 0.5, np.random.default_rng(2))
    evaluation = draw_evaluation_points(x, 40, np.random.default_rng(0))
    expected = {(m.measure, m.estimator): m for m in measures.measure(network, evaluation)}
    for m in autodiff.measure(to_keras(network), evaluation):
        # FPL sums 99 differences of an f of the order of 1, each rounded at 6e-8
        assert m.value == pytest.approx(expected[m.measure, m.estimator].value, rel=1e-5)


def test_definitions_are_those_of_measures():
    """A function of `definitions` under a name that is no measure's would never be found."""
    functions = {
        name: value
        for name, value in vars(definitions).items()
        if inspect.isfunction(value) and value.__module__ == definitions.__name__
    }
    assert list(functions.values()) == list(autodiff.all_definitions().values())
    assert set(autodiff.all_definitions()) == {"GN", "FPL", "GPL", "GC", "LG", "SH"}


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
    norms = np.linalg.norm(finite_differences(model, x), axis=1)
    assert got["GC"].value == pytest.approx(np.mean(norms**2), rel=1e-7)
    assert got["LG"].value == pytest.approx(norms.max(), rel=1e-7)
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


def test_sharpness_agrees_with_finite_differences():
    """(2 / n) Σ_x ‖∇_θ f(x)‖² over the trainable parameters, so not over the moving averages."""
    model, evaluation, step = deep_model(), random_points(4), 1e-5
    squares = 0
    for variable in model.trainable_variables:
        start = variable.numpy()
        for entry in np.ndindex(start.shape):
            shifted = np.zeros_like(start)
            shifted[entry] = step
            f = []
            for sign in (1, -1):
                variable.assign(start + sign * shifted)
                f.append(model(evaluation.images, training=False).numpy()[:, 0])
            squares += ((f[0] - f[1]) / (2 * step)) ** 2
        variable.assign(start)
    (sharpness,) = autodiff.measure(model, evaluation, measures="SH")
    assert sharpness.value == pytest.approx(2 * squares.mean(), rel=1e-7)


class Positions(keras.Layer):
    """Weights that are looked up, one of them twice: f(x) = (x₁ + x₂) e₁ + x₃ e₂."""

    def build(self, shape):
        self.table = self.add_weight(shape=(5, 1), initializer="ones", name="table")

    def call(self, x):
        looked_up = keras.ops.take(self.table, keras.ops.convert_to_tensor([0, 0, 3]), axis=0)
        return keras.ops.matmul(x, looked_up)


def test_sharpness_of_a_parameter_used_twice():
    evaluation = images(3)
    (sharpness,) = autodiff.measure(sequential(Positions()), evaluation, measures="SH")
    x = evaluation.images.astype(np.float64)
    expected = 2 * np.mean((x[:, 0] + x[:, 1]) ** 2 + x[:, 2] ** 2)
    assert sharpness.value == pytest.approx(expected, rel=1e-6)


def test_frozen_parameters_are_not_in_the_sharpness():
    """f(x) = Σ x + c with only c trainable: 2."""
    model = sequential(Dense(1, kernel_initializer="ones"))
    model.layers[0].kernel.trainable = False
    (sharpness,) = autodiff.measure(model, images(3), measures="SH")
    assert sharpness.value == 2
    model.trainable = False
    message = refusal(model, images(3))
    assert "has no trainable parameter, so it has no sharpness: name the measures" in message


class Detached(Dense):
    def call(self, x):
        return keras.ops.matmul(x, self.kernel) + keras.ops.stop_gradient(self.bias)


def test_a_parameter_without_gradient_is_named():
    message = refusal(sequential(Detached(1, name="last")), images(3), measures="SH")
    assert "no gradient leads from the output to the parameter 'mine/last/bias'" in message
    assert "trainable = False" in message


def test_a_model_that_runs_eagerly_only_is_measured():
    """f(x) = ± x₁, by a branch of Python: its one parameter is a factor, at 1."""

    class Branching(Dense):
        def call(self, x):
            f = super().call(x[:, :1])
            return f if float(x[0, 0]) > -1 else -f

    model = sequential(Branching(1, use_bias=False, kernel_initializer="ones"), shape=(1,))
    model.compile(run_eagerly=True)
    evaluation = images(1)
    got = by_name(autodiff.measure(model, evaluation))
    assert got["GN"].value == 1
    expected = 2 * np.mean(evaluation.images.astype(np.float64) ** 2)
    assert got["SH"].value == pytest.approx(expected, rel=1e-6)


def test_a_diverged_model_has_no_values():
    model = deep_model()
    model.layers[0].kernel.assign(np.full((4, 9), np.nan))
    assert all(np.isnan(m.value) for m in autodiff.measure(model, random_points(4)))


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


def constant(x):
    return keras.ops.sum(0 * x, axis=1, keepdims=True) + 3


def dead(x):
    return Dense(1, dtype="float64")(keras.ops.relu(-1 - keras.ops.relu(x)))


@pytest.mark.parametrize("of", [constant, dead])
def test_a_gradient_of_zero_stays_zero(of):
    inputs = keras.Input((3,), dtype="float64")
    model = keras.Model(inputs, of(inputs))
    names = ["GN", "FPL", "GPL", "GC", "LG"]
    assert [m.value for m in autodiff.measure(model, random_points(3), measures=names)] == [0] * 5


@pytest.mark.parametrize("rows", [1, 7, 30])
def test_batching_does_not_change_the_result(monkeypatch, rows):
    model, evaluation = deep_model(), random_points(4)
    whole = autodiff.measure(model, evaluation, 6)
    monkeypatch.setattr(function, "ROWS_AT_ONCE", rows)
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

    def recording(f, x):
        paths.append(len(x))
        return values_and_gradients(f, x)

    model = keras.Sequential([keras.Input((4,)), Recording(1.0), Dense(1)])
    inputs.clear()
    values_and_gradients = function.Function.values_and_gradients
    monkeypatch.setattr(function.Function, "values_and_gradients", recording)
    monkeypatch.setattr(function, "ROWS_AT_ONCE", 16)
    monkeypatch.setattr(function, "_TRIED", 2)
    monkeypatch.setattr(function, "_PARTS", 5)
    autodiff.measure(model, random_points(4, n=30), grid_points, measures=("FPL", "GPL"))
    assert max(inputs) == min(16, at_once)
    assert max(paths) == at_once


def test_fpl_alone_is_the_same_without_gradients():
    model, evaluation = deep_model(), random_points(4)
    (fpl,) = autodiff.measure(model, evaluation, measures=("FPL",))
    assert fpl.value == pytest.approx(autodiff.measure(model, evaluation)[1].value, rel=1e-12)


def test_measures_of_two_layers_only_are_refused_readably():
    with pytest.raises(SmoothcoreError, match="WP is defined for two-layer ReLU networks only"):
        autodiff.measure(deep_model(), random_points(4), measures=("GN", "WP"))


def test_one_measure_may_be_named_alone():
    model, evaluation = deep_model(), random_points(4)
    (gn,) = autodiff.measure(model, evaluation, measures="GN")
    assert gn == autodiff.measure(model, evaluation)[0]


def test_unknown_names_and_grids_are_refused_readably():
    with pytest.raises(ValueError, match="unknown measure 'gn': choose among GN, FPL, GPL, "):
        autodiff.measure(deep_model(), random_points(4), measures="gn")
    with pytest.raises(ValueError, match="at least 2 points"):
        autodiff.measure(deep_model(), random_points(4), grid_points=1)


def refusal(model, evaluation, **settings):
    with pytest.raises(SmoothcoreError) as error:
        autodiff.measure(model, evaluation, **settings)
    return str(error.value)


def images(*shape, n=12, dtype=np.float32):
    rng = np.random.default_rng(4)
    return draw_evaluation_points(rng.uniform(0, 4, (n, *shape)).astype(dtype), 6, rng)


def sequential(*layers, shape=(3,), **settings):
    return keras.Sequential([keras.Input(shape, **settings), *layers], name="mine")


@pytest.mark.parametrize("dtype", ["uint8", "int32", "bool"])
@pytest.mark.parametrize("measure", ["GN", "FPL"])
def test_integer_inputs_are_refused(dtype, measure):
    model = sequential(Rescaling(1 / 255), Dense(1), dtype=dtype)
    message = refusal(model, images(3), measures=measure)
    assert f"the input of model 'mine' has the dtype {dtype}" in message
    assert "keras.Input(..., dtype='float32')" in message


def test_integer_images_are_numbers_to_a_model_of_real_inputs():
    """f(x) = Σ x on uint8 images: GN = sqrt(3), FPL = the mean of |Σ (b − a)|."""
    model = sequential(Dense(1, kernel_initializer="ones"))
    evaluation = images(3, dtype=np.uint8)
    got = by_name(autodiff.measure(model, evaluation))
    sums = evaluation.images.sum(axis=1, dtype=np.int64)
    rise = np.abs(sums[evaluation.ends] - sums[evaluation.starts])
    assert got["GN"].value == pytest.approx(np.sqrt(3), rel=1e-6)
    assert got["FPL"].value == pytest.approx(rise.mean(), rel=1e-5)


class Truncating(keras.Layer):
    """What an embedding does to its input, somewhere within a model."""

    def call(self, x):
        return keras.ops.cast(keras.ops.cast(x, "int32"), "float32")


class SubclassedModel(keras.Model):
    def __init__(self, *layers, **settings):
        super().__init__(**settings)
        self.parts = layers

    def call(self, x):
        for layer in self.parts:
            x = layer(x)
        return x


def functional(of):
    inputs = keras.Input((3,))
    return keras.Model(inputs, Dense(1)(of(inputs)))


BROKEN = [
    (lambda: sequential(Embedding(9, 2), Flatten(), Dense(1)), "Embedding 'embedding"),
    (lambda: sequential(Dense(3), Truncating(), Dense(1)), "Truncating 'truncating"),
    (lambda: sequential(Discretization([1.0, 2.0]), Rescaling(1.0), Dense(1)), "Discretization '"),
    (lambda: functional(keras.ops.stop_gradient), "StopGradient 'stop_gradient"),
    (lambda: functional(keras.ops.round), "Round 'round"),
    (lambda: functional(lambda x: keras.ops.cast(x > 1, "float32")), "Greater 'greater"),
    (lambda: functional(keras.ops.zeros_like), "ZerosLike 'zeros_like"),
    (lambda: sequential(sequential(Embedding(9, 2), Flatten()), Dense(1)), "Sequential 'mine"),
    (lambda: SubclassedModel(Embedding(9, 2), Flatten(), Dense(1)), "with respect to its input."),
]


@pytest.mark.parametrize("measure", ["GN", "FPL"])
@pytest.mark.parametrize(("build", "culprit"), BROKEN)
def test_a_missing_gradient_is_refused_and_its_place_named(build, culprit, measure):
    message = refusal(build(), images(3), measures=measure)
    assert "has no gradient with respect to its input" in message
    assert culprit in message


@tf.custom_gradient
def straight_through(x):
    return x**2, lambda upstream: upstream


HALF_BROKEN = [
    lambda x: x + keras.ops.stop_gradient(3 * x),
    lambda x: keras.ops.concatenate([x, keras.ops.stop_gradient(x**2)], axis=1),
    lambda x: Lambda(straight_through)(x),
]


@pytest.mark.parametrize("of", HALF_BROKEN)
def test_a_gradient_that_is_not_that_of_the_values_is_refused(of):
    keras.utils.set_random_seed(1)
    message = refusal(functional(of), images(3))
    assert "is not that of its values" in message
    assert "stop_gradient" in message


@pytest.mark.parametrize("width", [4, 64, 256, 1024])
def test_a_branch_without_gradient_is_noticed_however_many_kinks_there_are(width):
    def model(branch):
        x = keras.Input((64,))
        hidden = [Dense(width, "relu")(of) for of in (x, branch(x))]
        return keras.Model(x, Dense(1)(keras.ops.add(*hidden)))

    keras.utils.set_random_seed(width)
    evaluation = random_points(64, 20)
    assert autodiff.measure(model(lambda x: x), evaluation, measures="GN")[0].value > 0
    assert "its gradient says" in refusal(model(keras.ops.stop_gradient), evaluation)


def test_images_that_are_not_finite_are_refused():
    evaluation = random_points(3)
    evaluation.images[7, 1] = np.nan
    message = refusal(sequential(Dense(1)), evaluation)
    assert message == "the evaluation images have entries that are not finite"


def test_a_model_that_is_built_only_now_has_its_sharpness():
    nothing = np.array([], int)
    evaluation = dataclasses.replace(random_points(3), starts=nothing, ends=nothing)
    model = keras.Sequential([Dense(4, "relu"), Dense(1)])
    assert autodiff.measure(model, evaluation, measures="SH")[0].value > 0


def test_the_advice_on_several_outputs_works():
    wide = sequential(Dense(4, "softmax"))
    one = keras.Model(wide.inputs, wide.outputs[0][:, 2])
    assert autodiff.measure(one, random_points(3), measures="GN")[0].value > 0


def test_a_slope_below_the_rounding_of_the_values_is_no_contradiction():
    """Float32 cannot tell 1000 + 1e-6 x from 1000: the values do not move, the gradient is 1e-6."""
    model = sequential(Dense(1, kernel_initializer=keras.initializers.Constant(1e-6)))
    model.layers[0].bias.assign([1000])
    (gn,) = autodiff.measure(model, images(3), measures="GN")
    assert gn.value == pytest.approx(1e-6 * np.sqrt(3), rel=1e-6)


def test_gradients_stopped_where_nothing_is_lost_are_no_fault():
    """logsumexp stops the gradient of a maximum that it adds and subtracts: Σ softmax = 1."""
    inputs = keras.Input((3,), dtype="float64")
    model = keras.Model(inputs, keras.ops.logsumexp(inputs, axis=1, keepdims=True))
    evaluation = random_points(3)
    (gn,) = autodiff.measure(model, evaluation, measures="GN")
    powers = np.exp(evaluation.images[evaluation.points])
    softmax = powers / powers.sum(axis=1, keepdims=True)
    assert gn.value == pytest.approx(np.linalg.norm(softmax, axis=1).mean(), rel=1e-12)


class Centred(keras.Layer):
    def call(self, x):
        return x - keras.ops.mean(x, axis=0, keepdims=True)


class Noisy(keras.Layer):
    def call(self, x):
        return x + keras.random.normal(keras.ops.shape(x))


@pytest.mark.parametrize("layer", [Centred, Noisy])
def test_values_that_depend_on_more_than_the_input_are_refused(layer):
    assert "no function of one input" in refusal(sequential(layer(), Dense(1)), images(3))


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "bfloat16", "float16"])
def test_low_precision_is_refused(policy):
    model = sequential(Dense(4, activation="relu"), Dense(1, name="last", dtype=policy))
    message = refusal(model, images(3), measures="FPL")
    assert "layer 'last' of model 'mine' computes in" in message
    assert f"policy {policy}" in message


def test_low_precision_within_a_model_of_models_is_refused():
    inner = sequential(Dense(4, dtype="mixed_bfloat16"))
    assert "computes in bfloat16" in refusal(sequential(inner, Dense(1)), images(3))
    subclassed = SubclassedModel(Dense(1), dtype="mixed_bfloat16", name="outer")
    assert "layer 'outer' of model 'outer' computes in bfloat16" in refusal(subclassed, images(3))


def test_a_cast_to_low_precision_is_refused():
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.ops.cast(Dense(1)(inputs), "bfloat16"))
    assert "output of model" in refusal(model, images(3))


def test_layers_in_float32_are_measured_under_a_global_policy_of_less():
    """FPL of f = Σ x is the mean of |Σ (b − a)|, at the precision of float32."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = sequential(Dense(1, kernel_initializer="ones", dtype="float32"))
    finally:
        keras.config.set_dtype_policy("float32")
    evaluation = images(3)
    sums = evaluation.images.sum(axis=1, dtype=np.float64)
    rise = np.abs(sums[evaluation.ends] - sums[evaluation.starts])
    (fpl,) = autodiff.measure(model, evaluation, measures="FPL")
    assert fpl.value == pytest.approx(rise.mean(), rel=1e-5)


def convolution(shape):
    keras.utils.set_random_seed(2)
    kinds = [(Conv2D, (2, 3)), (GlobalAveragePooling2D, ()), (Dense, (1,))]
    layers = [kind(*settings, dtype="float64") for kind, settings in kinds]
    return sequential(*layers, shape=shape, dtype="float64")


@pytest.mark.parametrize("shape", [(6, 6, 1), (36,), (6, 6), (1, 6, 6)])
def test_images_of_the_shape_of_the_inputs_or_flat(shape):
    model, flat = convolution((6, 6, 1)), images(36)
    shaped = EvaluationPoints(flat.images.reshape(-1, *shape), flat.points, flat.starts, flat.ends)
    assert autodiff.measure(model, shaped) == autodiff.measure(model, flat)


def test_inputs_of_open_shape_take_images_of_any_size():
    model, fixed = convolution((None, None, 1)), convolution((6, 6, 1))
    fixed.set_weights(model.get_weights())
    evaluation = images(6, 6, 1)
    assert autodiff.measure(model, evaluation) == autodiff.measure(fixed, evaluation)
    message = refusal(model, images(36))
    assert "shape (None, None, 1), where None may be any number" in message
    assert "images have the shape (36,)" in message


@pytest.mark.parametrize("given", [(5, 7, 1), (35,), (3, 12), (6, 6, 3), (6, 1, 6, 2)])
def test_images_of_another_shape_are_refused(given):
    message = refusal(convolution((6, 6, 1)), images(*given))
    assert "takes inputs of shape (6, 6, 1) or flat, (36,)" in message
    assert f"images have the shape {given}" in message


@pytest.mark.parametrize("order", [(3, 6, 6), (6, 3, 6)])
def test_channels_elsewhere_are_refused(order):
    """The same number of entries in another order."""
    assert "takes inputs of shape (6, 6, 3)" in refusal(convolution((6, 6, 3)), images(*order))


def test_images_that_are_no_dense_numbers_are_refused():
    flat = images(3)
    for wrong, kind in ((scipy.sparse.csr_array(flat.images), "csr_array"),
                        (flat.images.astype(str), "ndarray of <U32")):  # fmt: skip
        evaluation = EvaluationPoints(wrong, flat.points, flat.starts, flat.ends)
        assert f"the evaluation images are a {kind}" in refusal(sequential(Dense(1)), evaluation)


def sum_of(wrap):
    """A model of the sum of its inputs; ``wrap`` makes it of an input and an output."""
    inputs = keras.Input((3,), name="x")
    return keras.Model(*wrap(inputs, a_sum()(inputs)))


def a_sum():
    return Dense(1, kernel_initializer="ones")


SUMS = {
    "sparse inputs": lambda: sequential(a_sum(), sparse=True),
    "ragged inputs": lambda: sequential(a_sum(), ragged=True),
    "output without an axis": lambda: sequential(a_sum(), Reshape(())),
    "output of two axes": lambda: sequential(a_sum(), Reshape((1, 1))),
    "lists of one": lambda: sum_of(lambda x, f: ([x], [f])),
    "mappings of one": lambda: sum_of(lambda x, f: ({"x": x}, {"f": f})),
    "subclassed": lambda: SubclassedModel(a_sum()),
}


@pytest.mark.parametrize("kind", SUMS)
def test_one_number_of_dense_inputs_in_any_shape(kind):
    """f(x) = Σ x: GN = sqrt(3)."""
    (gn,) = autodiff.measure(SUMS[kind](), images(3), measures="GN")
    assert gn.value == pytest.approx(np.sqrt(3), rel=1e-6)


def test_several_inputs_and_outputs_are_refused():
    a, b = keras.Input((3,)), keras.Input((3,))
    model = keras.Model([a, b], Dense(1)(a + b), name="mine")
    assert "model 'mine' has 2 inputs: expected one" in refusal(model, images(3))
    two = keras.Model(a, [Dense(1)(a), Dense(1)(a)])
    assert "output has the shape (n, 1) and (n, 1), expected (n, 1)" in refusal(two, images(3))
    wide = refusal(sequential(Dense(2)), images(3))
    assert "not a function to the real numbers" in wide
    assert "shape (n, 2), expected (n, 1)" in wide
    assert "keras.Model(model.inputs, model.outputs[0][:, k])" in wide
    whole = functional(lambda x: keras.ops.sum(x, axis=0, keepdims=True))
    assert "for n inputs its output has the shape" in refusal(whole, images(3))


def test_another_backend_is_named(monkeypatch):
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    message = refusal(sequential(Dense(1)), images(3))
    assert "needs Keras on the backend tensorflow, but it runs on jax" in message
    assert "KERAS_BACKEND=tensorflow" in message


def test_products_are_not_rounded_to_tensor_float_32():
    """A GPU would round the factors of every product to 11 bits; the setting is put back."""
    seen = []

    class Watching(keras.Layer):
        def call(self, x):
            seen.append(tf.config.experimental.tensor_float_32_execution_enabled())
            return x

    model = sequential(Watching(), Dense(1))
    seen.clear()
    before = tf.config.experimental.tensor_float_32_execution_enabled()
    autodiff.measure(model, images(3))
    assert set(seen) == {False}
    assert tf.config.experimental.tensor_float_32_execution_enabled() == before
