"""The 8×8 digits that come with scikit-learn: 64 pixels, up to 240 training images a pair."""

from pathlib import Path

import numpy as np

from smoothcore.datasets import Dataset, DigitImages

TRAIN_PER_DIGIT = 120


def load(_folder: Path | None, _cache: Path) -> DigitImages:
    """Return the images, values 0 … 16: 120 of each digit to train, the rest to test."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    by_digit = [images[labels == digit].astype(np.uint8) for digit in range(10)]
    return DigitImages(
        [images[:TRAIN_PER_DIGIT] for images in by_digit],
        [images[TRAIN_PER_DIGIT:] for images in by_digit],
    )


DATASET = Dataset(name="digits", rank=2, d=64, max_size=2 * TRAIN_PER_DIGIT, scale=16, load=load)
