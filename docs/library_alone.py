"""The library without the workflow: how smooth is a Keras model of your own?

    .venv/bin/python docs/library_alone.py

Some measures are defined for every differentiable model with one output, however deep. The others
are defined for the two-layer ReLU network only, where all of them have closed forms.
"""

import keras
import numpy as np

from smoothcore import measures
from smoothcore.keras_models import autodiff
from smoothcore.keras_models.conversion import from_keras
from smoothcore.network.seeds import generator, stream


def main() -> dict[str, dict[str, measures.Measurement]]:
    """Train two models on the same points, measure both, and return what was measured."""
    keras.utils.set_random_seed(0)
    rng = generator(stream("library alone"))
    x = rng.uniform(0, 1, (200, 6)).astype(np.float32)
    y = np.where(x[:, 0] > x[:, 1], 1.0, -1.0).astype(np.float32)

    two_layers = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(64, "relu"), keras.layers.Dense(1)]
    )
    deeper = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(32, "relu"),
            keras.layers.Dense(32, "tanh"),
            keras.layers.Dense(1),
        ]
    )
    for model in (two_layers, deeper):
        model.compile(keras.optimizers.SGD(0.05), "mse")
        model.fit(x, y, batch_size=20, epochs=20, verbose=0)

    # the same points and segments for both, so that they can be compared
    x_test = rng.uniform(0, 1, (300, 6)).astype(np.float32)
    evaluation = measures.draw_evaluation_points(x_test, n_samples=200, rng=rng)
    about = measures.all_measures()
    return {
        "two layers, closed forms": {
            m.measure: m
            for m in measures.measure(from_keras(two_layers), evaluation)
            if m.estimator == about[m.measure].main_estimator
        },
        "two layers, autodiff": {m.measure: m for m in autodiff.measure(two_layers, evaluation)},
        "deeper, autodiff": {m.measure: m for m in autodiff.measure(deeper, evaluation)},
    }


def text(measurement: measures.Measurement | None) -> str:
    """Return a value, with its standard error if it is sampled."""
    if measurement is None:
        return "–"
    error = f" ± {measurement.stderr:.3f}" if measurement.stderr else ""
    return f"{measurement.value:.3f}{error}"


def show(measured: dict[str, dict[str, measures.Measurement]]) -> None:
    """Print a line for each measure, a column for each way."""
    print(" " * 10 + "".join(f"{title:>26}" for title in measured))
    for name in measures.all_measures():
        cells = (values.get(name) for values in measured.values())
        print(f"{name:10}" + "".join(f"{text(cell):>26}" for cell in cells))


if __name__ == "__main__":
    show(main())
