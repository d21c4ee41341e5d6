"""The regression problem of a digit pair, from the images of its two digits (§4.1, §4.2)."""

import numpy as np


def regression_problem(
    of_a: np.ndarray, of_b: np.ndarray, scale: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs and targets: the images of a with −1, then those of b with +1.

    Args:
        of_a: images of digit a, uint8, shape (n_a, d).
        of_b: images of digit b, uint8, shape (n_b, d).
        scale: the pixel value that becomes 1.

    Returns:
        x in [0, 1], float32, shape (n_a + n_b, d), and y, float32, shape (n_a + n_b,).
    """
    x = np.concatenate([of_a, of_b]).astype(np.float32)
    x /= np.float32(scale)
    y = np.repeat(np.array([-1, 1], np.float32), [len(of_a), len(of_b)])
    return x, y


def first_of_each(of_a: np.ndarray, of_b: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first size / 2 images of each digit: the nested subset D_n (§4.2).

    Raises:
        ValueError: the size is odd, or there are not so many images.
    """
    half = size // 2
    if size % 2 or not 0 < half <= len(of_a):
        raise ValueError(f"size must be even, from 2 to {2 * len(of_a)}, not {size}")
    return of_a[:half], of_b[:half]
