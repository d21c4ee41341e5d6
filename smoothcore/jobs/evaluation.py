"""What is measured of a run: which networks, on which images, at which points."""

import numpy as np
from threadpoolctl import threadpool_limits

from smoothcore import measures
from smoothcore.jobs.settings import MeasuringSettings
from smoothcore.measures import EvaluationPoints, draw_evaluation_points
from smoothcore.network.seeds import generator, stream
from smoothcore.network.two_layer import TwoLayerNetwork
from smoothcore.study.run import Run
from smoothcore.training.initial import initial_network
from smoothcore.training.recipe import Recipe


def evaluate(
    run: Run,
    recipe: Recipe,
    settings: MeasuringSettings,
    names: list[str],
    trained: TwoLayerNetwork,
    x: np.ndarray,
    x_test: np.ndarray,
) -> list[measures.Measurement]:
    """Measure a trained network and the one it started from.

    Args:
        run: its coordinates.
        recipe: the settings it was trained with.
        settings: of the measures.
        names: the measures to compute.
        trained: the network at its end.
        x: its training images, shape (n, d).
        x_test: the test images of its pair, shape (m, d).
    """
    with threadpool_limits(limits=1):
        return measures.measure_run(
            trained,
            initial_network(run, recipe, trained.d),
            # one stream per pair: differences between its networks are then not sampling noise
            test=_points(x_test, settings, dataset=recipe.dataset, pair=run.pair),
            training=_points(
                x, settings, dataset=recipe.dataset, pair=run.pair, training_size=run.size
            ),
            grid_points=settings.grid_points,
            names=names,
        )


def _points(x: np.ndarray, settings: MeasuringSettings, **coordinates) -> EvaluationPoints:
    rng = generator(stream("evaluation", **coordinates))
    return draw_evaluation_points(x, settings.n_samples, rng)
