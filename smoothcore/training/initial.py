"""Where a run begins: its random streams and its initial network."""

from smoothcore.network.seeds import generator, stream
from smoothcore.network.two_layer import TwoLayerNetwork, initialize
from smoothcore.study.run import Run
from smoothcore.training.recipe import Recipe


def streams_of(run: Run, recipe: Recipe) -> dict[str, str | int | float]:
    """Return the coordinates that the random streams of a run derive from."""
    return {"dataset": recipe.dataset, **run.coordinates}


def initial_network(run: Run, recipe: Recipe, d: int) -> TwoLayerNetwork:
    """Return the network that a run starts from, for images of d pixels (§4.1)."""
    rng = generator(stream("initialisation", **streams_of(run, recipe)))
    return initialize(d, recipe.hidden_units, recipe.alpha, rng)
