"""Networks as Keras models and back."""

import keras
import numpy as np
import pytest
from keras.layers import Add, Dense, Flatten

from smoothcore.errors import SmoothcoreError
from smoothcore.keras_models.conversion import from_keras, to_keras
from smoothcore.network.two_layer import TwoLayerNetwork, initialize

pytestmark = pytest.mark.tensorflow

PARAMETERS = ("W", "beta", "v", "c")


def network_with_biases(d=7, h=5, dtype=np.float32):
    rng = np.random.default_rng(3)
    network = initialize(d, h, 1.0, rng)
    beta, c = rng.standard_normal(h), rng.standard_normal()
    return TwoLayerNetwork(network.W, beta, network.v, np.asarray(c)).astype(dtype)


def sequential(*layers, shape=(4,)):
    return keras.Sequential([keras.Input(shape), *layers], name="mine")


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


def two_outputs():
    inputs = keras.Input((3,))
    hidden = Dense(3, activation="relu")(inputs)
    return keras.Model(inputs, [hidden, Dense(1)(hidden)])


@keras.saving.register_keras_serializable("test_keras_model")
class Subclassed(keras.Model):
    def call(self, x):
        return x


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
    (twice, "not a plain chain"),
    (skip, "not a plain chain"),
    (two_outputs, "not that of its last layer"),
    (Subclassed, "cannot be taken apart"),
]


@pytest.mark.parametrize(("build", "message"), UNSUPPORTED)
def test_other_architectures_are_refused_readably(build, message):
    with pytest.raises(SmoothcoreError, match=message) as error:
        from_keras(build())
    assert isinstance(error.value, ValueError)
