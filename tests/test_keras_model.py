"""Networks as Keras models and back."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.layers import (
    ActivityRegularization,
    Add,
    BatchNormalization,
    Dense,
    Dropout,
    Flatten,
    GaussianNoise,
    LayerNormalization,
    Masking,
    SpectralNormalization,
    UnitNormalization,
)

from smoothcore.errors import SmoothcoreError
from smoothcore.keras_models.conversion import from_keras, to_keras
from smoothcore.keras_models.supported import call
from smoothcore.network.two_layer import TwoLayerNetwork, initialize

pytestmark = pytest.mark.tensorflow

PARAMETERS = ("W", "beta", "v", "c")


def network_with_biases(d=7, h=5, dtype=np.float32):
    rng = np.random.default_rng(3)
    network = initialize(d, h, 1.0, rng)
    beta, c = rng.standard_normal(h), rng.standard_normal()
    return TwoLayerNetwork(network.W, beta, network.v, np.asarray(c)).astype(dtype)


def sequential(*layers, shape=(4,), **settings):
    return keras.Sequential([keras.Input(shape, **settings), *layers], name="mine")


def test_predicts_the_same_by_hand():
    """f(x) = 2 relu(x₁ − x₂ + 0.5) − 3 relu(x₂) + 1 at (1, 1): 2 · 0.5 − 3 · 1 + 1 = −1."""
    W, beta = np.float32([[1, 0], [-1, 1]]), np.float32([0.5, 0])
    model = to_keras(TwoLayerNetwork(W, beta, np.float32([2, -3]), np.float32(1)))
    assert model.predict(np.float32([[1, 1]]), verbose=0).tolist() == [[-1.0]]


@pytest.mark.parametrize(("dtype", "rounding"), [(np.float32, 1e-6), (np.float64, 1e-14)])
def test_predicts_the_same(dtype, rounding):
    network = network_with_biases(dtype=dtype)
    x = np.random.default_rng(0).random((50, 7)).astype(dtype)
    predicted = to_keras(network)(x).numpy()
    assert predicted.shape == (50, 1)
    assert predicted.dtype == dtype
    np.testing.assert_allclose(predicted[:, 0], network(x), rtol=0, atol=rounding)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning:keras")
def test_file_round_trip(tmp_path):
    network = network_with_biases()
    to_keras(network).save(tmp_path / "network.keras")
    back = from_keras(keras.models.load_model(tmp_path / "network.keras"))
    for name in PARAMETERS:
        assert np.array_equal(getattr(back, name), getattr(network, name))
        assert getattr(back, name).dtype == np.float32


def test_the_network_is_copied():
    """Training the Keras model further leaves the network as it was."""
    network = network_with_biases()
    before = network.W.copy()
    model = to_keras(network)
    model.layers[1].kernel.assign_add(np.ones_like(before))
    assert np.array_equal(network.W, before)


def test_from_a_model_of_images_without_hidden_bias():
    model = sequential(
        Flatten(), Dense(3, activation="relu", use_bias=False), Dense(1), shape=(2, 2, 1)
    )
    network = from_keras(model)
    x = np.random.default_rng(1).random((6, 4)).astype(np.float32)
    assert network.beta.tolist() == [0, 0, 0]
    np.testing.assert_allclose(network(x), model(x.reshape(6, 2, 2, 1))[:, 0], atol=1e-6)


def twice():
    inputs, hidden = keras.Input((3,)), Dense(3, activation="relu")
    return keras.Model(inputs, Dense(1)(hidden(hidden(inputs))))


def skip():
    inputs = keras.Input((3,))
    return keras.Model(inputs, Dense(1)(Add()([Dense(3, activation="relu")(inputs), inputs])))


def two_inputs():
    a, b = keras.Input((3,)), keras.Input((3,))
    return keras.Model([a, b], Dense(1)(Dense(3, activation="relu")(a + b)), name="mine")


def two_outputs():
    inputs = keras.Input((3,))
    hidden = Dense(3, activation="relu")(inputs)
    return keras.Model(inputs, [hidden, Dense(1)(hidden)])


@keras.saving.register_keras_serializable("test_keras_model")
class Subclassed(keras.Model):
    def call(self, x):
        return x


class Halved(Dense):
    def call(self, x):
        return super().call(x) / 2


class Doubled(keras.Sequential):
    def call(self, *args, **settings):
        return 2 * super().call(*args, **settings)


def relu(x):
    """The name of Keras's own, and another function."""
    return keras.ops.leaky_relu(x)


def linear(x):
    return 2 * x


def hidden(**settings):
    return Dense(3, **{"activation": "relu", **settings})


UNSUPPORTED = [
    (
        lambda: sequential(Dense(3, activation="tanh"), Dense(1)),
        r"got \[Dense tanh, Dense linear\]",
    ),
    (lambda: sequential(Dense(3, activation="relu"), Dense(1, activation="relu")), "Dense relu]"),
    (lambda: sequential(Dense(1)), r"got \[Dense linear\]"),
    (lambda: sequential(Dense(3, activation="relu"), Dense(2)), "has 2 outputs"),
    (
        lambda: sequential(Dense(3, activation="relu"), Dense(3, activation="relu"), Dense(1)),
        "Dense relu, Dense relu, Dense linear",
    ),
    (lambda: keras.Sequential([Dense(3, activation="relu"), Dense(1)]), "not built yet"),
    (twice, r"got \[Dense relu, Dense relu, Dense linear\]"),
    (skip, "not a plain chain of layers: 'add.*' has 2 inputs"),
    (two_inputs, "model 'mine' has 2 inputs"),
    (two_outputs, "has 2 output tensors"),
    (Subclassed, "cannot be taken apart"),
    (lambda: sequential(Halved(3, activation="relu"), Dense(1)), "Halved, a kind of Dense"),
    (lambda: sequential(hidden(activation=relu), Dense(1)), r"\[Dense 'relu' of your own, Dense"),
    (lambda: sequential(hidden(), Dense(1, linear)), r"relu, Dense 'linear' of your own\]"),
    (
        lambda: sequential(hidden(activation=lambda z: keras.ops.relu(z - 1e-20)), Dense(1)),
        "lambda",
    ),
    (lambda: sequential(hidden(activation=keras.layers.ReLU(6)), Dense(1)), r"\[Dense ReLU, "),
    (
        lambda: sequential(hidden(activation="softmax"), Dense(1)),
        r"\[Dense softmax, Dense linear\]",
    ),
    (lambda: sequential(hidden(), Dense(1), shape=(4, 16)), r"shape \(4, 16\) without a Flatten"),
    (lambda: sequential(Masking(), hidden(), Dense(1)), r"got \[Masking, Dense relu"),
    (lambda: sequential(hidden(), Dropout(0.5), Dense(1)), "Dense relu, Dropout, Dense linear"),
    (lambda: sequential(hidden(), BatchNormalization(), Dense(1)), "BatchNormalization"),
    (lambda: sequential(LayerNormalization(), hidden(), Dense(1)), "LayerNormalization"),
    (lambda: sequential(UnitNormalization(), hidden(), Dense(1)), "UnitNormalization"),
    (lambda: sequential(GaussianNoise(1.0), hidden(), Dense(1)), "GaussianNoise"),
    (lambda: sequential(SpectralNormalization(hidden()), Dense(1)), "SpectralNormalization"),
    (lambda: sequential(ActivityRegularization(l2=1.0), hidden(), Dense(1)), "ActivityRegul"),
    (lambda: sequential(hidden(), Dense(1, dtype="mixed_bfloat16")), "computes in bfloat16"),
    (lambda: sequential(hidden(dtype="float16"), Dense(1)), "computes in float16"),
    (lambda: sequential(hidden(), Dense(1), dtype="int32"), "input of model 'mine' has the dtype"),
    (lambda: "m.keras", "got a str .'m.keras'.: read the model first, with keras.models.load_"),
    (lambda: Path("m.keras"), "got a PosixPath .'m.keras'.: read the model first"),
    (lambda: hidden(), "expected a Keras model, got a Dense$"),
]


@pytest.mark.parametrize(("build", "message"), UNSUPPORTED)
def test_other_architectures_are_refused_readably(build, message):
    with pytest.raises(SmoothcoreError, match=message) as error:
        from_keras(build())
    assert isinstance(error.value, ValueError)
    assert "{" not in str(error.value)  # no configuration of a layer


@pytest.mark.parametrize("which", [0, 1])
def test_low_rank_adaptation_is_refused(which):
    model = sequential(hidden(), Dense(1))
    model.layers[which].enable_lora(2)
    with pytest.raises(SmoothcoreError, match="Dense with LoRA of rank 2"):
        from_keras(model)


@pytest.mark.filterwarnings("ignore:Layer InputLayer does not have a `quantize`:UserWarning")
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning:keras")
def test_quantized_layers_are_refused():
    model = sequential(hidden(name="first"), Dense(1))
    model.quantize("int8")
    with pytest.raises(SmoothcoreError, match=r"'first' of model 'mine' is quantized \(int8_from"):
        from_keras(model)


def changed_layer():
    model = sequential(hidden(), Dense(1))
    layer = model.layers[0]
    layer.call = lambda x, training=None: 1.001 * Dense.call(layer, x)
    return model


def channels_first():
    return sequential(Flatten(data_format="channels_first"), hidden(), Dense(1), shape=(2, 3, 2))


def doubled():
    return Doubled([keras.Input((4,)), hidden(), Dense(1)], name="mine")


@pytest.mark.parametrize("build", [changed_layer, channels_first, doubled])
def test_what_computes_something_else_is_noticed_on_random_inputs(build):
    keras.utils.set_random_seed(0)
    model = build()
    with pytest.raises(SmoothcoreError, match=r"on a random input \S+ instead of \S+\. A call or"):
        from_keras(model)


def one_layer_at_a_time():
    model = keras.Sequential(name="mine")
    for part in (keras.Input((4,)), hidden(), Dense(1)):
        model.add(part)
    return model


def built_by_its_first_input():
    model = keras.Sequential([hidden(), Dense(1)])
    model(np.zeros((1, 4), np.float32))
    return model


def one_layer_for_two_models():
    shared, inputs = hidden(), keras.Input((4,))
    keras.Model(inputs, Dense(2)(shared(inputs)))
    return sequential(shared, Dense(1))


def lists_of_one():
    inputs = keras.Input((4,))
    return keras.Model([inputs], [Dense(1)(hidden()(inputs))])


def partly_frozen():
    model = sequential(hidden(bias_initializer="ones"), Dense(1))
    model.layers[0].kernel.trainable = False
    return model


COMMON = [
    one_layer_at_a_time,
    built_by_its_first_input,
    one_layer_for_two_models,
    lists_of_one,
    partly_frozen,
    lambda: sequential(Flatten(), hidden(), Dense(1)),
    lambda: sequential(hidden(activation=tf.nn.relu), Dense(1, activation="linear")),
    lambda: sequential(hidden(activation=keras.layers.ReLU()), Dense(1)),
    lambda: sequential(hidden(kernel_regularizer="l2", kernel_constraint="non_neg"), Dense(1)),
    lambda: sequential(hidden(dtype="float64"), Dense(1, dtype="float64"), dtype="float64"),
    lambda: sequential(hidden(), Dense(1), batch_size=7),
]


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning:keras")
@pytest.mark.parametrize("read", [False, True])
@pytest.mark.parametrize("build", COMMON)
def test_common_models_are_converted(build, read, tmp_path):
    keras.utils.set_random_seed(0)
    model = build()
    if read:
        model.save(tmp_path / "m.keras")
        model = keras.models.load_model(tmp_path / "m.keras")
    network = from_keras(model)
    first, second = (layer for layer in model.layers if isinstance(layer, Dense))
    assert np.array_equal(network.W, first.kernel.numpy())
    assert np.array_equal(network.beta, first.bias.numpy())
    assert np.array_equal(network.v[:, None], second.kernel.numpy())
    x = np.random.default_rng(1).random((7, 4)).astype(np.float32)
    np.testing.assert_allclose(network(x), call(model, x)[0].numpy()[:, 0], atol=1e-6)


def test_a_network_of_the_papers_size_with_large_weights_is_converted():
    """No rounding of a correct model may look like a difference."""
    rng = np.random.default_rng(0)
    for scale in (1e-3, 1, 1e3):
        network = TwoLayerNetwork(
            *(scale * rng.standard_normal(shape) for shape in ((784, 256), 256, 256, ()))
        ).astype(np.float32)
        assert np.array_equal(from_keras(to_keras(network)).W, network.W)


def test_a_diverged_network_is_converted_as_it_is():
    network = network_with_biases()
    network.W[0, 0] = np.nan
    assert np.isnan(from_keras(to_keras(network)).W[0, 0])
