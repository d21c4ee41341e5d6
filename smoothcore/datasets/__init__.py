"""Datasets of digit images, and the regression problem of a digit pair.

`prepare` writes a dataset to one npz file, once; `load_pair` reads from it what one run needs. A
dataset is a module of this package with a `Dataset` in the constant ``DATASET``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smoothcore import registry
from smoothcore.datasets._pair import first_of_each, regression_problem
from smoothcore.errors import DamagedFileError, DataError, SettingsError
from smoothcore.files.repair import repair_command
from smoothcore.files.storage import read_npz, write_npz

#: downloads go there
DEFAULT_CACHE = Path("data")


@dataclass(frozen=True)
class DigitImages:
    """Images by digit, in the order of the source.

    Attributes:
        train: ten arrays, index = digit, uint8, shape (max_size / 2, d).
        test: ten arrays, index = digit, uint8, shape (n, d).
    """

    train: list[np.ndarray]
    test: list[np.ndarray]


@dataclass(frozen=True)
class Dataset:
    """What a dataset says of itself.

    Attributes:
        name: as in the config.
        rank: its place where datasets are listed.
        d: pixels of an image.
        max_size: training images of a pair, half of them of each digit.
        scale: the pixel value that becomes 1.
        load: returns the images; takes the folder named by the user (or None) and the folder
            for downloads. Nothing below one that is named is written.
    """

    name: str
    rank: int
    d: int
    max_size: int
    scale: int
    load: Callable[[Path | None, Path], DigitImages]


def all_datasets() -> Mapping[str, Dataset]:
    """Return every dataset by name, in the order of their ranks."""
    return registry.entries(__name__, "DATASET")


def prepare(dataset: str, destination: Path, mnist_dir: Path | None = None) -> None:
    """Write a dataset to one npz file; equal datasets give equal bytes.

    Args:
        dataset: a name of `all_datasets`.
        destination: the file; arrays ``train_0`` … ``train_9`` and ``test_0`` … ``test_9``, uint8,
            shape (n, d), in file order, and the scalars ``scale`` and ``dataset``. Not compressed,
            since every run reads it.
        mnist_dir: folder with the four MNIST files, see `smoothcore.datasets.mnist`.

    Raises:
        DataError: the source is missing, altered or not available.
        StorageError: the file cannot be written.
        SettingsError: no dataset has that name.
    """
    entry = all_datasets().get(dataset)
    if entry is None:
        raise SettingsError(f"no dataset is called {dataset}; known: {', '.join(all_datasets())}")
    images = entry.load(mnist_dir, DEFAULT_CACHE)
    arrays = {"dataset": np.array(dataset), "scale": np.array(entry.scale)}
    for digit in range(10):
        arrays[f"train_{digit}"] = images.train[digit]
        arrays[f"test_{digit}"] = images.test[digit]
        if (shape := images.train[digit].shape) != (entry.max_size // 2, entry.d):
            raise DataError(
                f"{dataset} has training images of shape {shape} for the digit {digit}, not "
                f"{(entry.max_size // 2, entry.d)}"
            )
    _write_once(Path(destination), arrays)


def _write_once(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write the images, unless equal ones are there; refuse others that networks were trained on.

    Nothing else notices that the images of finished runs have changed.
    """
    try:
        old = read_npz(path, *arrays)
    except DamagedFileError:
        old = {}
    if old and all(np.array_equal(old[name], arrays[name]) for name in arrays):
        return
    weights = path.parent.parent / "weights"
    if old and any(weights.rglob("*.npz")):
        raise DataError(
            f"the images of {arrays['dataset']} are no longer those of {path}, on which the "
            f"networks in {weights} were trained. Give the study a name of its own, or delete "
            "both to train all again."
        )
    write_npz(path, arrays)


def load_pair(
    path: Path, pair: str, size: int, dataset: str | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the regression problem of a digit pair, target −1 for a and +1 for b (§4.1).

    The training set is D_n (§4.2): the first n/2 images of a, then the first n/2 of b, in file
    order. So D_n is balanced, and contained in every larger one.

    Args:
        path: file written by `prepare`.
        pair: ``"a-b"``.
        size: n, even.
        dataset: the dataset the file must hold; None accepts any.

    Returns:
        x_train (size, d), y_train (size,), x_test (n_test, d), y_test (n_test,), all float32, x in
        [0, 1].

    Raises:
        DamagedFileError: the file is missing, truncated, altered, or holds something else.
        ValueError: the pair or the size is not one the file's dataset has.
    """
    if not re.fullmatch(r"\d-\d", pair) or pair[0] >= pair[2]:
        raise ValueError(f"{pair!r} is not two digits a-b with a < b")
    a, b = pair.split("-")
    names = ["dataset", "scale", f"train_{a}", f"train_{b}", f"test_{a}", f"test_{b}"]
    name, scale, *images = read_npz(Path(path), *names, hint=_repair_hint).values()
    _check_kind(path, name, scale, images, dataset)
    train_a, train_b, test_a, test_b = images
    training = first_of_each(train_a, train_b, size)
    return *regression_problem(*training, int(scale)), *regression_problem(
        test_a, test_b, int(scale)
    )


def _check_kind(
    path: Path, name: np.ndarray, scale: np.ndarray, images: list[np.ndarray], expected: str | None
) -> None:
    """Raise DamagedFileError unless the arrays are a pair's images of the dataset they name."""
    entry = all_datasets().get(str(name))
    if entry is None or (expected is not None and str(name) != expected):
        raise _damaged(path, f"holds the dataset '{name}', not {expected or 'a known one'}")
    train_shape = (entry.max_size // 2, entry.d)
    if (
        scale.shape
        or scale != entry.scale
        or any(array.dtype != "uint8" or array.shape[1:] != (entry.d,) for array in images)
        or any(array.shape != train_shape for array in images[:2])
    ):
        raise _damaged(path, f"does not hold images of {name}")


def _damaged(path: Path, problem: str) -> DamagedFileError:
    return DamagedFileError(f"{path} {problem}. {_repair_hint(path)}")


def _repair_hint(path: Path) -> str:
    return f"Prepare the images again and keep the networks:  {repair_command(path, force=True)}"
