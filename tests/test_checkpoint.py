"""A checkpoint is used whole, by the run it belongs to, or not at all and not silently."""

import numpy as np
import pytest

from smoothcore.files.storage import write_npz
from smoothcore.network.two_layer import initialize
from smoothcore.training import checkpoint
from smoothcore.training.checkpoint import TrainingState
from tests.engine_cases import bits

IDENTITY = '{"run": 1}'


@pytest.fixture
def said(caplog):
    """What was logged."""
    caplog.set_level("INFO", "smoothcore")
    return caplog


@pytest.fixture
def state():
    return TrainingState(
        network=initialize(8, 4, 0.1, np.random.default_rng(0)),
        epoch=70,
        running_loss=0.25,
        curve_epochs=[1, 2, 70],
        curve_losses=[1.0, 0.1 + 0.2, 0.25],
        seconds=12.5,
        resumes=2,
    )


def same(found: TrainingState, state: TrainingState) -> bool:
    return bits(found.network) == bits(state.network) and (
        (found.epoch, found.running_loss, found.curve_epochs, found.curve_losses, found.seconds)
        == (state.epoch, state.running_loss, state.curve_epochs, state.curve_losses, state.seconds)
    )


def test_what_is_saved_is_loaded(tmp_path, state, said):
    checkpoint.save(tmp_path / "c.npz", state, IDENTITY)
    found = checkpoint.load(tmp_path / "c.npz", IDENTITY)
    assert same(found, state)
    assert found.resumes == state.resumes + 1
    assert said.messages == [f"continuing from epoch 70 of the checkpoint {tmp_path / 'c.npz'}"]
    assert [p.name for p in tmp_path.iterdir()] == ["c.npz"]


def test_none_there(tmp_path, said):
    assert checkpoint.load(tmp_path / "c.npz", IDENTITY) is None
    assert not said.messages


def test_of_another_configuration(tmp_path, state, said):
    checkpoint.save(tmp_path / "c.npz", state, '{"run": 2}')
    assert checkpoint.load(tmp_path / "c.npz", IDENTITY) is None
    (line,) = said.messages
    assert "another configuration" in line and "c.npz" in line


def test_a_flipped_bit_is_noticed_or_harmless(tmp_path, state, said):
    path = tmp_path / "c.npz"
    checkpoint.save(path, state, IDENTITY)
    content, refused = path.read_bytes(), 0
    for position in range(0, len(content), 3):
        changed = bytearray(content)
        changed[position] ^= 1 << position % 8
        path.write_bytes(changed)
        said.clear()
        found = checkpoint.load(path, IDENTITY)
        assert len(said.messages) == 1, position
        if found is None:
            refused += 1
            assert "not used" in said.messages[0]
        else:
            assert same(found, state) and found.resumes == state.resumes + 1, position
    assert refused > len(content) // 6


def test_truncated_anywhere(tmp_path, state, said):
    path = tmp_path / "c.npz"
    checkpoint.save(path, state, IDENTITY)
    content = path.read_bytes()
    for length in range(0, len(content), 17):
        path.write_bytes(content[:length])
        said.clear()
        assert checkpoint.load(path, IDENTITY) is None
        assert "damaged" in said.messages[0] and "starts over" in said.messages[0]


def test_a_folder_or_another_file_of_that_name(tmp_path, said):
    (tmp_path / "c.npz").mkdir()
    assert checkpoint.load(tmp_path / "c.npz", IDENTITY) is None
    write_npz(tmp_path / "d.npz", {"identity": np.array(IDENTITY), "W": np.zeros(3)})
    assert checkpoint.load(tmp_path / "d.npz", IDENTITY) is None
    assert len(said.messages) == 2 and all("not used" in line for line in said.messages)
