"""The two-layer network as a Keras model, and back."""

import contextlib
from collections.abc import Callable

import keras
import numpy as np

from smoothcore.keras_models.supported import UnsupportedModelError, call, check_model
from smoothcore.network.two_layer import TwoLayerNetwork

_EXPECTED = "Dense(h, activation='relu') followed by Dense(1), after an optional Flatten"

#: random inputs on which a model and its conversion are compared, for each of the scales
_COMPARED = 64
_SCALES = (0.01, 1.0, 100.0)


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

    Layers of any other kind are refused, also where they might change nothing. Then the two are
    compared on random inputs, so that nothing unforeseen in the model can slip through.

    Args:
        model: a sequential or functional model, Dense(h, relu) → Dense(1), perhaps after a Flatten
            of images; a layer without bias has bias 0. Float32 or float64; any Keras backend.

    Raises:
        UnsupportedModelError: the model is anything else, or computes another function.
    """
    check_model(model)
    layers = _chain(model)
    shape = model.inputs[0].shape[1:]
    if layers and type(layers[0]) is keras.layers.Flatten:
        layers, shape = layers[1:], layers[0].compute_output_shape((1, *shape))[1:]
    kinds = [_description(layer) for layer in layers]
    if kinds != ["Dense relu", "Dense linear"]:
        raise _another(model, f"is not a two-layer ReLU network: got [{', '.join(kinds)}]")
    if len(shape) != 1:
        apart = "its Dense layers act on each row apart"
        raise _another(model, f"takes inputs of shape {shape} without a Flatten: {apart}")
    hidden, output = layers
    if output.units != 1:
        raise _another(model, f"has {output.units} outputs")
    (W, beta), (v, c) = _weights(hidden), _weights(output)
    network = TwoLayerNetwork(W=W, beta=beta, v=v[:, 0], c=c[0])
    _compare(model, network)
    return network


def _another(model: keras.Model, described: str) -> UnsupportedModelError:
    """Return the error about a model that is no two-layer network, but what is described."""
    return UnsupportedModelError(f"model {model.name!r} {described}; expected {_EXPECTED}")


def _chain(model: keras.Model) -> list[keras.Layer]:
    """Return the layers from input to output, where each feeds the next and nothing else."""
    if not model.built or not getattr(model, "inputs", None):
        raise UnsupportedModelError(
            f"model {model.name!r} cannot be taken apart: it is not a sequential or functional "
            f"model, or not built yet (give it an Input)"
        )
    if len(model.outputs) > 1:
        raise _another(model, f"has {len(model.outputs)} output tensors")
    # a layer that was used before (in a model that grew, or was read from a file) has several
    # nodes: the history of the output says which of them are this model's
    layers: list[keras.Layer] = []
    (tensor,) = model.outputs
    while tensor is not model.inputs[0]:
        layer, node_index, _ = tensor._keras_history
        sources = layer._inbound_nodes[node_index].input_tensors
        if len(sources) != 1:
            inputs = f"{layer.name!r} has {len(sources)} inputs"
            raise _another(model, f"is not a plain chain of layers: {inputs}")
        layers.insert(0, layer)
        (tensor,) = sources
    return layers


def _description(layer: keras.Layer) -> str:
    """Return what a layer is in a word or two; "Dense relu" only of a plain Dense layer."""
    kind = type(layer).__name__
    if not isinstance(layer, keras.layers.Dense):
        return kind
    if type(layer) is not keras.layers.Dense:
        return f"{kind}, a kind of Dense"
    if layer.lora_enabled:
        return f"Dense with LoRA of rank {layer.lora_rank}"
    return f"Dense {_activation(layer.activation)}"


def _activation(function: Callable | None) -> str:
    """Return "linear" or "relu" of what computes that, whatever its name; else its name."""
    if function is None:
        return "linear"
    sizes = np.float32(10.0) ** np.arange(-30, 31, dtype=np.float32)
    z = np.concatenate((-sizes[::-1], [0], sizes)).astype(np.float32).reshape(3, -1)
    computed = keras.ops.convert_to_numpy(function(keras.ops.convert_to_tensor(z)))
    for name, expected in (("linear", z), ("relu", np.maximum(z, 0))):
        if np.array_equal(computed, expected):
            return name
    name = getattr(function, "__name__", type(function).__name__)
    return f"{name!r} of your own" if name in ("linear", "relu") else name


def _weights(layer: keras.layers.Dense) -> tuple[np.ndarray, np.ndarray]:
    """Return the kernel and the bias of a Dense layer."""
    kernel = layer.kernel.numpy()
    return kernel, np.zeros_like(kernel[0]) if layer.bias is None else layer.bias.numpy()


def _compare(model: keras.Model, network: TwoLayerNetwork) -> None:
    """Check that both compute the same on random inputs.

    The tolerance is the bound on the rounding of two nested sums of d + 1 and h + 1 terms,
    γ (⟨|v|, |W|ᵀ|x| + |β|⟩ + |c|) with γ = (d + h + 4) ε, ε the spacing of the model's dtype: what
    is computed in any order of summation stays within it.

    Raises:
        UnsupportedModelError: they do not.
    """
    rng = np.random.default_rng(0)
    x = np.concatenate([scale * rng.standard_normal((_COMPARED, network.d)) for scale in _SCALES])
    x = x.astype(np.result_type(network.W, network.v)).astype(model.inputs[0].dtype)
    # on the CPU, since a GPU may round products to 11 bits; PyTorch does not, nor moves the weights
    there = keras.config.backend() == "torch"
    with contextlib.nullcontext() if there else keras.device("cpu:0"):
        outputs = call(model, x.reshape(len(x), *model.inputs[0].shape[1:]))
        f = [keras.ops.convert_to_numpy(output).astype(np.float64) for output in outputs]
    if not all(np.isfinite(p).all() for p in (network.W, network.beta, network.v, network.c)):
        return  # a diverged network: nothing can be compared
    exact = network.astype(np.float64)
    absolute = TwoLayerNetwork(*(np.abs(p) for p in (exact.W, exact.beta, exact.v, exact.c)))
    spacing = max(np.finfo(p.dtype).eps for p in (network.W, network.v))
    tolerance = (network.d + network.h + 4) * spacing * absolute(np.abs(x.astype(np.float64)))
    expected = exact(x.astype(np.float64))
    if len(f) == 1 and f[0].shape == (len(x), 1):
        wrong = ~(np.abs(f[0][:, 0] - expected) <= tolerance)
        if not wrong.any():
            return
        i = int(np.argmax(wrong))
        found = f"{f[0][i, 0]:.6g} instead of {expected[i]:.6g}"
    else:
        found = f"outputs of shape {[output.shape for output in f]}"
    raise UnsupportedModelError(
        f"model {model.name!r} has the layers of a two-layer ReLU network, but does not compute "
        f"what their weights say: on a random input {found}. A call or a layer of it was changed"
    )
