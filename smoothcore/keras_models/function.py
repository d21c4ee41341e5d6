"""A Keras model as a function f: R^d → R that can be differentiated."""

from collections.abc import Iterator

import keras
import numpy as np

from smoothcore.keras_models.supported import UnsupportedModelError, call, check_model

#: inputs in memory at a time, unless the grid of a single segment has more points
ROWS_AT_ONCE = 4096

#: points at which a model is tried before it is measured
_TRIED = 16

#: into so many parts a segment is divided there
_PARTS = 100

#: how far the gradient may be from the values, relative to its own size
_MOST_APART = 0.2


class Function:
    """A Keras model in inference mode, of flat inputs.

    Attributes:
        model: the model.
        shape: of one of its inputs.
        d: number of entries of one input.
    """

    def __init__(self, model: keras.Model, images: np.ndarray) -> None:
        """Check that the model is a function of one input to the real numbers.

        Args:
            model: any Keras model.
            images: the inputs it will see, of the shape of its inputs or flat.

        Raises:
            UnsupportedModelError: it is of another kind, or does not take the images.
        """
        _check_backend()
        check_model(model)
        self.model, self.shape = model, _input_shape(model, images)
        self.d = int(np.prod(self.shape))
        inputs = getattr(model, "inputs", None)
        self._dtype = inputs[0].dtype if inputs else keras.config.floatx()

    def values(self, x: np.ndarray) -> np.ndarray:
        """Return f(x) at each x of shape (n, d); float64, shape (n,)."""
        values = np.empty(len(x))
        for rows in slices(len(x)):
            values[rows] = self._output(self._inputs(x[rows])).numpy()
        return values

    def values_and_gradients(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return f(x) and ∇f(x) at each x of shape (n, d); float64, shapes (n,) and (n, d).

        Raises:
            UnsupportedModelError: no gradient leads from the output to the input.
        """
        import tensorflow as tf

        values, gradients = np.empty(len(x)), np.empty((len(x), self.d))
        for rows in slices(len(x)):
            inputs = self._inputs(x[rows])
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                f = self._output(inputs)
            # samples are independent: the gradient of the sum holds the gradient of each
            gradient = tape.gradient(f, inputs)
            if gradient is None:
                raise UnsupportedModelError(
                    f"model {self.model.name!r} has no gradient with respect to its input"
                    f"{self._where_it_breaks(inputs)}. What can be measured is the part of the "
                    f"model behind the break, as a model of its own, on the inputs of that part"
                )
            values[rows], gradients[rows] = f.numpy(), np.reshape(gradient, (-1, self.d))
        return values, gradients

    def gradient_norms(self, x: np.ndarray) -> np.ndarray:
        """Return ‖∇f(x)‖ at each x of shape (n, d); float64, shape (n,)."""
        norms = np.empty(len(x))
        for rows in slices(len(x)):
            norms[rows] = np.linalg.norm(self.values_and_gradients(x[rows])[1], axis=1)
        return norms

    def parameter_gradient_squares(self, x: np.ndarray) -> np.ndarray:
        """Return ‖∇_θ f(x)‖² at each x of shape (n, d); float64, shape (n,).

        θ: all trainable parameters. The gradients are computed one input at a time.

        Raises:
            UnsupportedModelError: no gradient leads to one of the parameters, or it has none.
        """
        import tensorflow as tf

        self.values(x[:1])  # one number for an input; some models are built only now
        if not (variables := self.model.trainable_variables):
            raise UnsupportedModelError(
                f"model {self.model.name!r} has no trainable parameter, so it has no sharpness: "
                f"name the measures you want, or set trainable = True of a layer"
            )
        values = [variable.value for variable in variables]

        def square(inputs):
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(values)
                (f,) = call(self.model, inputs)
            gradients = tape.gradient(f, values)
            for variable, gradient in zip(variables, gradients, strict=True):
                if gradient is None:
                    raise UnsupportedModelError(
                        f"model {self.model.name!r}: no gradient leads from the output to the "
                        f"parameter {variable.path!r}; if f does not depend on it, say so by "
                        f"trainable = False of its layer"
                    )
            # an embedding gives its gradient in pieces
            gradients = [tf.cast(tf.convert_to_tensor(g), tf.float64) for g in gradients]
            return tf.add_n([tf.reduce_sum(g * g) for g in gradients])

        if not self.model.run_eagerly:
            square = tf.function(square, autograph=False)
        return np.array([square(self._inputs(row[None])).numpy() for row in x], np.float64)

    def check(self, starts: np.ndarray, ends: np.ndarray) -> None:
        """Try the model on the segments from ``starts`` to ``ends``, both (n, d).

        - A value must not depend on the other inputs of the batch, nor on chance: the difference
          allowed is the square root of float32's spacing, relative to the largest value.
        - ∇f must be the gradient of f: f(b) − f(a) must be the integral of ⟨∇f, b − a⟩ along the
          segment, by the midpoints of 100 parts. Half of the segments tried may differ by more than
          a fifth of the mean of |⟨∇f, b − a⟩|, beyond ten spacings of float32 in f. More do where a
          gradient is stopped or replaced on part of the way.

        Raises:
            UnsupportedModelError: one of the two does not hold.
        """
        if not len(starts):
            return
        a, b = starts[:_TRIED].astype(np.float64), ends[:_TRIED].astype(np.float64)
        middle = a + 0.37 * (b - a)
        f = self.values(middle)
        if not np.isfinite(f).all():
            return  # a diverged model: nothing can be compared
        alone = np.concatenate([self.values(x[None]) for x in middle[:2]])
        spacing = np.finfo(np.float32).eps
        close = np.sqrt(spacing) * np.abs(f).max()
        if not np.allclose(alone, f[:2], rtol=0, atol=close, equal_nan=True):
            raise UnsupportedModelError(
                f"model {self.model.name!r} gives {alone[0]:.6g} for an input alone and {f[0]:.6g} "
                f"for the same input in a batch: it is no function of one input (a layer that "
                f"looks at the whole batch, keeps a state, or draws random numbers in inference)"
            )
        along = [self._rates(x, y) for x, y in zip(a, b, strict=True)]
        claimed, scale = np.mean(along, axis=1), np.mean(np.abs(along), axis=1)
        change = self.values(b) - self.values(a)
        rounding = 10 * spacing * np.abs(f).max()
        error = np.maximum(np.abs(claimed - change) - rounding, 0)
        scale = np.maximum(scale, np.abs(change))
        moving = scale > 0  # not where a segment is a point, nor where f is constant
        if moving.any() and np.median(error[moving] / scale[moving]) > _MOST_APART:
            i = int(np.argmax(error))
            raise UnsupportedModelError(
                f"the gradient of model {self.model.name!r} is not that of its values: along a "
                f"segment f changes by {change[i]:.4g}, its gradient says {claimed[i]:.4g}. "
                f"Something in it stops the gradient (stop_gradient, a cast to integers) or "
                f"replaces it (custom_gradient); measure a model without that"
            )

    def _rates(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Return ⟨∇f, b − a⟩ in the middle of each part of a segment, shape (parts,)."""
        at = (np.arange(_PARTS) + 0.5) / _PARTS
        return self.values_and_gradients(a + at[:, None] * (b - a))[1] @ (b - a)

    def _inputs(self, x: np.ndarray):
        import tensorflow as tf

        return tf.constant(x.reshape(-1, *self.shape), dtype=self._dtype)

    def _output(self, inputs):
        """Return f(x), shape (n,)."""
        import tensorflow as tf

        outputs = call(self.model, inputs)
        shapes = [tuple(output.shape) for output in outputs]
        if not isinstance(outputs[0], tf.Tensor):
            raise UnsupportedModelError(
                f"the output of model {self.model.name!r} is a {type(outputs[0]).__name__}: "
                f"expected a dense tensor of the shape (n, 1)"
            )
        if len(outputs) != 1 or shapes[0][:1] != (len(inputs),) or np.prod(shapes[0][1:]) != 1:
            got = " and ".join(str(("n", *shape[1:])).replace("'", "") for shape in shapes)
            raise UnsupportedModelError(
                f"model {self.model.name!r} is not a function to the real numbers: for n inputs "
                f"its output has the shape {got}, expected (n, 1). Choose one of several outputs "
                f"with keras.Model(model.inputs, model.outputs[0][:, k])"
            )
        if not outputs[0].dtype.is_floating or outputs[0].dtype.size < 4:
            raise UnsupportedModelError(
                f"the output of model {self.model.name!r} has the dtype {outputs[0].dtype.name}: "
                f"expected float32 or float64"
            )
        return tf.reshape(outputs[0], [-1])

    def _where_it_breaks(self, inputs) -> str:
        """Name a layer from which no gradient leads back to the input, where that can be found."""
        import tensorflow as tf

        if not getattr(self.model, "inputs", None):
            return ""
        (source,) = self.model.inputs
        waiting, tensors = list(self.model.outputs), []
        while waiting:
            tensors.append(waiting.pop(0))
            layer, node_index, _ = tensors[-1]._keras_history
            waiting.extend(layer._inbound_nodes[node_index].input_tensors)
        # from the input on; the first one is the input itself
        for tensor in reversed(tensors):
            if tensor is source:
                continue
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                y = keras.Model(source, tensor)(inputs, training=False)
            if not y.dtype.is_floating or tape.gradient(y, inputs) is None:
                layer = tensor._keras_history.operation
                return f": {type(layer).__name__} {layer.name!r} breaks the way there"
        return ""


def _check_backend() -> None:
    if (backend := keras.config.backend()) != "tensorflow":
        raise UnsupportedModelError(
            f"automatic differentiation needs Keras on the backend tensorflow, but it runs on "
            f"{backend}: set the environment variable KERAS_BACKEND=tensorflow before Python "
            f"starts; a model saved as a .keras file can be read with any backend"
        )


def slices(length: int, rows_each: int = 1) -> Iterator[slice]:
    """Return slices of ``length`` items of some rows each, few enough to be held at a time."""
    step = max(1, ROWS_AT_ONCE // rows_each)
    return (slice(start, start + step) for start in range(0, length, step))


def _input_shape(model: keras.Model, images: np.ndarray) -> tuple[int, ...]:
    """Return the shape of one input; that of the images where the model leaves it open."""
    if not isinstance(images, np.ndarray) or images.dtype.kind not in "fiub":
        raise UnsupportedModelError(
            f"the evaluation images are a {type(images).__name__}"
            f"{f' of {images.dtype}' if isinstance(images, np.ndarray) else ''}: expected a dense "
            f"NumPy array of numbers"
        )
    if not np.isfinite(images).all():
        raise UnsupportedModelError("the evaluation images have entries that are not finite")
    given = images.shape[1:]
    inputs = getattr(model, "inputs", None)
    if not inputs:
        return given
    shape = tuple(inputs[0].shape[1:])
    if None not in shape:
        flat = given == (int(np.prod(shape)),)
        # an axis of length 1 changes no order of the entries
        if flat or [n for n in given if n != 1] == [n for n in shape if n != 1]:
            return shape
        expected = f"{shape} or flat, ({int(np.prod(shape))},)"
    else:
        fits = (size in (None, n) for size, n in zip(shape, given, strict=False))
        if len(shape) == len(given) and all(fits):
            return given
        expected = f"{shape}, where None may be any number"
    raise UnsupportedModelError(
        f"model {model.name!r} takes inputs of shape {expected}; the evaluation images have the "
        f"shape {given}"
    )
