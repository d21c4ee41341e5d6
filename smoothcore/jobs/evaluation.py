"""What is measured of a run: which networks, on which images, at which points."""

from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from smoothcore import measures
from smoothcore.datasets import load_pair
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
    data: Path,
) -> list[measures.Measurement]:
    """Measure a trained network and the one it started from, on test and on training images."""
    x, _, x_test, _ = load_pair(data, run.pair, run.size, recipe.dataset)
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
