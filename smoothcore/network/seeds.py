"""Random streams: every one derives from a purpose and named coordinates, and from nothing else."""

import hashlib
import json

import numpy as np

PERMUTATION_BLOCK_ENTRIES = 2**17
PERMUTATION_BLOCK_MAX_EPOCHS = 4096


def stream(purpose: str, **coordinates) -> np.random.SeedSequence:
    """Return the seed sequence of ``purpose`` at ``coordinates``.

    The entropy is the SHA-256 of both written as JSON with sorted keys, so two calls that differ
    in the purpose or in any coordinate get unrelated streams, and equal calls equal ones on any
    machine. Coordinates are strings, integers, floats or booleans.
    """
    text = json.dumps([purpose, coordinates], sort_keys=True, ensure_ascii=True)
    return np.random.SeedSequence(int.from_bytes(hashlib.sha256(text.encode()).digest(), "big"))


def generator(sequence: np.random.SeedSequence) -> np.random.Generator:
    """Return a generator (Philox) on a seed sequence."""
    return np.random.Generator(np.random.Philox(sequence))


class EpochPermutations:
    """One fresh permutation of ``n`` samples per epoch, in blocks that can be had in any order.

    Block b holds the permutations of epochs b·E … (b+1)·E − 1, where E = `epochs_per_block`
    depends on n alone. A block depends on the stream and on b only, so a run that is resumed in
    the middle sees the same permutations as one that never stopped.
    """

    def __init__(self, sequence: np.random.SeedSequence, n: int) -> None:
        self._entropy = sequence.entropy
        self.n = n
        self.epochs_per_block = max(
            1, min(PERMUTATION_BLOCK_MAX_EPOCHS, PERMUTATION_BLOCK_ENTRIES // n)
        )

    def block(self, index: int) -> np.ndarray:
        """Return block ``index``: int32, shape (epochs_per_block, n), each row a permutation."""
        rng = generator(np.random.SeedSequence(self._entropy, spawn_key=(index,)))
        rows = np.tile(np.arange(self.n, dtype=np.int32), (self.epochs_per_block, 1))
        return rng.permuted(rows, axis=1, out=rows)
