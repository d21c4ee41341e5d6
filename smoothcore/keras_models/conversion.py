"""The two-layer network as a Keras model, and back."""

import keras

from smoothcore.errors import SmoothcoreError
from smoothcore.network.two_layer import TwoLayerNetwork

_EXPECTED = "Dense(h, activation='relu') followed by Dense(1), after an optional Flatten"


class UnsupportedModelError(SmoothcoreError, ValueError):
    """A Keras model is not of the architecture that an operation is defined for."""


def to_keras(network: TwoLayerNetwork) -> keras.Model:
    """Return the network as a Keras model, ready for `save` to a ``.keras`` file.

    Args:
        network: the network; its dtype (float32 or float64) becomes the model's.

    Returns:
        Dense(h, relu) → Dense(1), input shape (n, d), output shape (n, 1). It predicts what the
        network does, but for the rounding of another order of summation.
    """
    dtype = network.W.dtype.name
    hidden = keras.layers.Dense(network.h, activation="relu", name="hidden", dtype=dtype)
    output = keras.layers.Dense(1, name="output", dtype=dtype)
    inputs = keras.Input((network.d,), dtype=dtype)
    model = keras.Model(inputs, output(hidden(inputs)), name="two_layer_network")
    hidden.set_weights([network.W, network.beta])
    output.set_weights([network.v[:, None], network.c[None]])
    return model


def from_keras(model: keras.Model) -> TwoLayerNetwork:
    """Return the two-layer network that a Keras model is.

    Args:
        model: a sequential or functional model, Dense(h, relu) → Dense(1), perhaps after a Flatten
            of images; a layer without bias has bias 0.

    Raises:
        UnsupportedModelError: the model is anything else.
    """
    layers = _chain(model)
    if layers and isinstance(layers[0], keras.layers.Flatten):
        layers = layers[1:]
    kinds = [_description(layer) for layer in layers]
    if len(layers) != 2 or kinds[0] != "Dense relu" or kinds[1] != "Dense linear":
        raise UnsupportedModelError(
            f"model {model.name!r} is not a two-layer ReLU network: expected {_EXPECTED}, "
            f"got [{', '.join(kinds)}]"
        )
    hidden, output = layers
    if output.units != 1:
        raise UnsupportedModelError(
            f"model {model.name!r} has {output.units} outputs: expected {_EXPECTED}"
        )
    (W, beta), (v, c) = _weights(hidden), _weights(output)
    return TwoLayerNetwork(W=W, beta=beta, v=v[:, 0], c=c[0])


def _chain(model: keras.Model) -> list[keras.Layer]:
    """Return the layers from input to output, where each feeds the next and nothing else."""
    if not model.built or not hasattr(model, "inputs") or not model.inputs:
        raise UnsupportedModelError(
            f"model {model.name!r} cannot be taken apart: it is not a sequential or functional "
            f"model, or not built yet (give it an Input)"
        )
    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    tensor = model.inputs[0]
    for layer in layers:
        if len(model.inputs) > 1 or layer.input is not tensor:
            raise UnsupportedModelError(
                f"model {model.name!r} is not a plain chain of layers: expected {_EXPECTED}"
            )
        tensor = layer.output
    if [id(output) for output in model.outputs] != [id(tensor)]:
        raise UnsupportedModelError(
            f"the output of model {model.name!r} is not that of its last layer: "
            f"expected {_EXPECTED}"
        )
    return layers


def _description(layer: keras.Layer) -> str:
    activation = getattr(layer, "activation", None)
    kind = type(layer).__name__
    return f"{kind} {keras.activations.serialize(activation)}" if activation else kind


def _weights(layer: keras.layers.Dense):
    """Return the kernel and the bias of a Dense layer."""
    kernel, *bias = layer.get_weights()
    return kernel, bias[0] if bias else kernel[0] * 0
