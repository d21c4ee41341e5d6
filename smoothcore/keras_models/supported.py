"""Which Keras models are understood: what holds for a conversion and for measuring alike."""

import os
from typing import Any

import keras

from smoothcore.errors import SmoothcoreError

_EXACT_ENOUGH = ("float32", "float64")


class UnsupportedModelError(SmoothcoreError, ValueError):
    """A Keras model is not of the kind that an operation is defined for."""


def check_model(model: Any) -> None:
    """Check that ``model`` is a Keras model that computes real numbers in float32 or float64.

    Raises:
        UnsupportedModelError: it is no Keras model; an input or a layer is of another dtype or
            quantized; it has several inputs.
    """
    if not isinstance(model, keras.Model):
        message = f"expected a Keras model, got a {type(model).__name__}"
        if isinstance(model, str | os.PathLike):
            message += f" ({str(model)!r}): read the model first, with keras.models.load_model"
        raise UnsupportedModelError(message)
    inputs = getattr(model, "inputs", None) or []
    if len(inputs) > 1:
        raise UnsupportedModelError(
            f"model {model.name!r} has {len(inputs)} inputs: expected one; fix the others by a "
            f"model of one input that calls it"
        )
    for tensor in inputs:
        dtype = keras.backend.standardize_dtype(tensor.dtype)
        if dtype not in _EXACT_ENOUGH:
            raise UnsupportedModelError(
                f"the input of model {model.name!r} has the dtype {dtype}, which rounds the points "
                f"between two images: build it with keras.Input(..., dtype='float32') and give it "
                f"the same weights (new.set_weights(old.get_weights()))"
            )
    for layer in model._flatten_layers():
        _check_precision(model, layer)


def call(model: keras.Model, x) -> list:
    """Return the tensors that a model of one input gives for ``x``, in inference mode."""
    if getattr(model, "inputs", None) and not isinstance(model, keras.Sequential):
        x = keras.tree.pack_sequence_as(model.input, [x])
    return keras.tree.flatten(model(x, training=False))


def _check_precision(model: keras.Model, layer: keras.Layer) -> None:
    policy = layer.dtype_policy
    if getattr(policy, "quantization_mode", None):
        raise UnsupportedModelError(
            f"layer {layer.name!r} of model {model.name!r} is quantized ({policy.name}): its steps "
            f"are not those of the function that was trained; use the model before quantize()"
        )
    # a functional model and its Input hand tensors on as they are, whatever their own policy says
    hands_on = isinstance(layer, keras.layers.InputLayer) or getattr(layer, "inputs", None)
    if not hands_on and layer.compute_dtype in ("float16", "bfloat16"):
        raise UnsupportedModelError(
            f"layer {layer.name!r} of model {model.name!r} computes in {layer.compute_dtype} "
            f"(policy {policy.name}), and path lengths would count its rounding: build the model "
            f"with dtype='float32' and give it the same weights "
            f"(new.set_weights(old.get_weights()))"
        )
