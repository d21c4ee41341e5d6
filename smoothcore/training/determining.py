"""Digests of images and networks, and the kind of processor: what tells whether bits are equal."""

import hashlib
import platform
from pathlib import Path

import numpy as np

from smoothcore.network.two_layer import TwoLayerNetwork


def digest_of_arrays(*arrays: np.ndarray) -> str:
    """Return the SHA-256 of the bytes of some arrays, as hexadecimal digits."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def digest_of_network(network: TwoLayerNetwork) -> str:
    """Return the SHA-256 of the parameters of a network: equal digests, equal bits."""
    return digest_of_arrays(network.W, network.beta, network.v, network.c)


def processor() -> str:
    """Return the kind of processor: bits are the same on one kind of it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    found = {key.strip(): value.strip() for key, _, value in (s.partition(":") for s in lines)}
    names = (("model name", ""), ("cpu family", "family "), ("model", "model "))
    kind = ", ".join(prefix + found[key] for key, prefix in names if key in found)
    return kind or platform.machine()
