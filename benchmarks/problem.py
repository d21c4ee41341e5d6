"""What is trained and measured: pixels, initial networks, and the objective of each regularizer.

`write` puts the images and a network in mid-training into a folder; every contender reads them from
there, so that all of them work on the same numbers.
"""

import functools
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from smoothcore import datasets, engines
from smoothcore.datasets import mnist
from smoothcore.engines import Objective
from smoothcore.files import storage
from smoothcore.network.seeds import EpochPermutations, generator, stream
from smoothcore.network.two_layer import TwoLayerNetwork, initialize
from smoothcore.regularizers import NONE

#: its shares of pixels that are not 0 (19.5 %) and of pixels that are not 0 in every training image
#: (79.6 %) are nearest to the means of the 45 pairs (19.3 % and 79.9 %)
PAIR = "3-4"
BATCH = 64
HIDDEN_UNITS = 256

#: λ and learning rate of each regularizer, from the paper's grid; they hardly matter for speed.
#: In the order of the table of steps
GOALS = {
    NONE: Objective(0.0, 0.1),
    "WP": Objective(3e-5, 0.01),
    "FPL": Objective(3.2e-4, 0.1),
    "GPL-exact": Objective(3.2e-5, 0.1),
    "GPL": Objective(3.2e-5, 0.1),
    "GN": Objective(1e-4, 0.01),
}


class Problem(NamedTuple):
    """A training set, x (n, d) and y (n,), and the network to start from; all float32."""

    x: np.ndarray
    y: np.ndarray
    network: TwoLayerNetwork

    @property
    def permutations(self) -> np.ndarray:
        """The orders of some epochs, int32, (epochs, n)."""
        return EpochPermutations(stream("benchmark-order"), len(self.x)).block(0)


def mnist_folder() -> Path | None:
    """Return the folder with the MNIST files, None where this machine has none."""
    folder = Path(os.environ.get(mnist.DIRECTORY_VARIABLE) or datasets.DEFAULT_CACHE / "mnist")
    return folder if all((folder / name).is_file() for name in mnist.FILES) else None


def write(folder: Path, images: int, epochs: int) -> str:
    """Write ``mnist.npz`` and ``network.npz`` (trained for some epochs at λ = 0) to a folder.

    Returns:
        ``mnist`` or, where this machine has none, ``synthetic``.
    """
    pixels = folder / "mnist.npz"
    if (source := mnist_folder()) is not None:
        datasets.prepare("mnist", pixels, source)
    else:
        _write_synthetic(pixels)
    x, y, _, _ = datasets.load_pair(pixels, PAIR, images)
    start = initialize(x.shape[1], HIDDEN_UNITS, 0.01, generator(stream("benchmark")))
    engine = engines.create("sparse", x, y, GOALS[NONE], None)
    orders = EpochPermutations(stream("benchmark-training"), images).block(0)
    # one after the other, and again from the first
    network, _ = engine.run_epochs(start, np.resize(orders, (epochs, images)), 0, epochs, 0.0)
    storage.write_npz(folder / "network.npz", vars(network))
    return "mnist" if source else "synthetic"


def read_network(folder: Path) -> TwoLayerNetwork:
    """Return the network in mid-training that `write` prepared."""
    return TwoLayerNetwork(**storage.read_npz(folder / "network.npz", "W", "beta", "v", "c"))


@functools.lru_cache(maxsize=1)
def from_folder(folder: Path, images: int) -> Problem:
    """Return the pair's problem that `write` prepared; the last one is kept."""
    x, y, _, _ = datasets.load_pair(folder / "mnist.npz", PAIR, images)
    return Problem(x, y, read_network(folder))


def _write_synthetic(path: Path) -> None:
    """Write blurred blobs of the density of MNIST, in the layout of `smoothcore.datasets`.

    Where MNIST is not at hand: a shape per digit with noise, blurred into strokes and cut off so
    that 19 % of the pixels are not 0, all inside the 24 × 24 pixels in the middle.
    """
    from scipy.ndimage import gaussian_filter

    rng = generator(stream("benchmark-pixels"))
    arrays = {"dataset": np.array("mnist"), "scale": np.array(255)}
    inside = np.zeros((28, 28), bool)
    inside[2:26, 2:26] = True
    share_inside = 0.193 * inside.size / inside.sum()
    for digit in map(int, PAIR.split("-")):
        shape = gaussian_filter(rng.standard_normal((28, 28)), 2.5)
        for part, count in (("train", 5000), ("test", 1000)):
            noise = gaussian_filter(rng.standard_normal((count, 28, 28)), (0, 2, 2))
            field = shape / shape.std() + noise / noise.std()
            threshold = np.quantile(field[:, inside], 1 - share_inside)
            ink = np.where(inside & (field > threshold), np.ceil(200 * (field - threshold)), 0)
            arrays[f"{part}_{digit}"] = np.minimum(ink, 255).astype(np.uint8).reshape(count, 784)
    storage.write_npz(path, arrays)
