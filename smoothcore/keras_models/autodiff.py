"""Measures of any differentiable Keras model, by automatic differentiation.

The definitions as they stand, with no use of the model's structure (`definitions`). For the
two-layer network `smoothcore.measures` is exact and more than ten times as fast; this is for models
of any other kind, and to check the closed forms.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping

import keras

from smoothcore.keras_models import definitions
from smoothcore.keras_models.definitions import SeenFunction
from smoothcore.keras_models.function import Function
from smoothcore.keras_models.supported import UnsupportedModelError
from smoothcore.measures import EvaluationPoints, Measurement, all_measures


def all_definitions() -> Mapping[str, Callable[[SeenFunction], Measurement]]:
    """Return the measures that are defined for every differentiable model, by name, in order."""
    modules = {name: about.module.rpartition(".")[2] for name, about in all_measures().items()}
    return {
        name: getattr(definitions, module)
        for name, module in modules.items()
        if hasattr(definitions, module)
    }


def measure(
    model: keras.Model,
    evaluation: EvaluationPoints,
    grid_points: int = 100,
    measures: Iterable[str] | str | None = None,
) -> list[Measurement]:
    """Return measures of a model with one output, each by its main estimator.

    The formulas are those of `definitions`. The grid of a segment is t_k = k / (n − 1),
    k = 0 … n − 1. The model is run in inference mode (dropout off, batch normalization by its
    moving averages), in which the samples of a batch are independent. ∇f is TensorFlow's gradient:
    0 where units are dead, a one-sided choice at a kink. A model is tried on some of the segments
    first (`Function.check`).

    Args:
        model: one number for each input; float32 or float64, Keras on TensorFlow.
        evaluation: points and segments, from `measures.draw_evaluation_points`; its images have the
            shape of the model's inputs, or are flat vectors. A measure that is defined on training
            images needs an evaluation of those.
        grid_points: n ≥ 2 of the path lengths.
        measures: which to compute, one or several, in the order of the result; None for all of
            `all_definitions`.

    Returns:
        Labelled as of the trained network on test images. NaN where the model's values are.

    Raises:
        UnsupportedModelError: a measure is not defined for the model; the model is not a
            differentiable function of one input to the real numbers, rounds more than float32
            does, or does not take the images.
        ValueError: a measure of another name, or ``grid_points`` < 2.
    """
    defined = all_definitions()
    names = (
        [measures] if isinstance(measures, str) else list(defined if measures is None else measures)
    )
    for name in names:
        if name not in all_measures():
            raise ValueError(f"unknown measure {name!r}: choose among {', '.join(defined)}")
        if name not in defined:
            raise UnsupportedModelError(
                f"{name} is defined for two-layer ReLU networks only, not for the model "
                f"{getattr(model, 'name', model)!r} in general; if it is one, use "
                f"smoothcore.measures.measure(from_keras(model), ...)"
            )
    if grid_points < 2:
        raise ValueError(f"a grid needs at least 2 points, got {grid_points}")
    f = Function(model, evaluation.images)
    chosen = [defined[name] for name in names]
    seen = SeenFunction(f, evaluation, grid_points, with_gradients=definitions.gpl in chosen)
    with _full_precision():
        f.check(*seen.ends)
        return [definition(seen) for definition in chosen]


@contextlib.contextmanager
def _full_precision() -> Iterator[None]:
    """Keep a GPU from rounding the factors of float32 products to 11 bits (TensorFloat-32)."""
    import tensorflow as tf

    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(before)
