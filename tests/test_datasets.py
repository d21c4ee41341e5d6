"""Datasets: what is read, from where, and that nothing damaged is ever taken for data."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smoothcore import datasets, registry
from smoothcore.datasets import load_pair, prepare
from smoothcore.errors import DamagedFileError, DataError, SettingsError
from smoothcore.files.storage import write_npz
from tests.workflow import Workflow

ROOT = Path(__file__).parents[1]


# -- the pairs of the 8×8 digits ------------------------------------------------------------------


@pytest.mark.parametrize("pair", ["7", "5-3"])
def test_pairs_that_do_not_exist(digits, pair):
    with pytest.raises(ValueError, match="is not two digits a-b with a < b"):
        load_pair(digits, pair, 2)


def test_file_holds_the_digits_in_file_order(digits):
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    with np.load(digits) as arrays:
        assert len(arrays.files) == 22
        assert str(arrays["dataset"]) == "digits"
        assert arrays["scale"] == 16
        for digit in range(10):
            train, test = arrays[f"train_{digit}"], arrays[f"test_{digit}"]
            assert train.shape == (120, 64)
            assert train.dtype == test.dtype == np.uint8
            np.testing.assert_array_equal(np.concatenate([train, test]), images[labels == digit])


def test_equal_datasets_give_equal_bytes(digits, tmp_path):
    prepare("digits", tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == digits.read_bytes()


def test_pair(digits):
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    threes, eights = (images[labels == digit] / 16 for digit in (3, 8))
    x, y, x_test, y_test = load_pair(digits, "3-8", 100)
    np.testing.assert_array_equal(x, np.concatenate([threes[:50], eights[:50]]))
    np.testing.assert_array_equal(y, [-1] * 50 + [1] * 50)
    np.testing.assert_array_equal(x_test, np.concatenate([threes[120:], eights[120:]]))
    np.testing.assert_array_equal(y_test, [-1] * (len(threes) - 120) + [1] * (len(eights) - 120))
    assert {array.dtype for array in (x, y, x_test, y_test)} == {np.dtype(np.float32)}
    assert x.min() == 0
    assert x.max() == 1


def test_subsets_are_nested_and_balanced(digits):
    whole, _, x_test, _ = load_pair(digits, "0-9", 240)
    for size in (2, 4, 64, 240):
        x, y, same_test, _ = load_pair(digits, "0-9", size)
        half = size // 2
        assert x.shape == (size, 64)
        assert y.sum() == 0
        np.testing.assert_array_equal(x[:half], whole[:half])
        np.testing.assert_array_equal(x[half:], whole[120 : 120 + half])
        np.testing.assert_array_equal(same_test, x_test)


@pytest.mark.parametrize("size", [-2, 0, 1, 3, 242])
def test_sizes_that_do_not_exist(digits, size):
    with pytest.raises(ValueError, match="even, from 2 to 240"):
        load_pair(digits, "0-1", size)


def test_unknown_dataset(tmp_path):
    with pytest.raises(SettingsError, match="no dataset is called cifar; known: mnist, digits"):
        prepare("cifar", tmp_path / "cifar.npz")


@pytest.mark.parametrize("trained", [True, False])
def test_images_of_finished_networks_do_not_change(digits, tmp_path, trained):
    """No fingerprint covers how images are loaded: only this guard tells."""
    path = tmp_path / "data" / "digits.npz"
    arrays = dict(np.load(digits))
    arrays["train_3"] = arrays["train_3"][::-1]
    write_npz(path, arrays)
    others = path.read_bytes()
    if not trained:
        prepare("digits", path)
        assert path.read_bytes() == digits.read_bytes()
        return
    (tmp_path / "weights" / "pair=0-1").mkdir(parents=True)
    (tmp_path / "weights" / "pair=0-1" / "one.npz").touch()
    with pytest.raises(DataError, match=r"the images of digits are no longer those of .*npz"):
        prepare("digits", path)
    assert path.read_bytes() == others


@pytest.fixture
def drop_in(tmp_path, monkeypatch):
    """Write a module into the room of datasets; it is gone after the test."""
    folder = tmp_path / "room"
    folder.mkdir()
    monkeypatch.setattr(datasets, "__path__", [*datasets.__path__, str(folder)])

    def write(text):
        (folder / "tiny.py").write_text(
            "import numpy as np\nfrom smoothcore.datasets import Dataset, DigitImages\n" + text
        )
        registry.entries.cache_clear()

    yield write
    sys.modules.pop("smoothcore.datasets.tiny", None)
    registry.entries.cache_clear()


def test_a_dataset_is_one_file(tmp_path, drop_in):
    drop_in(
        "def load(_folder, _cache):\n"
        "    images = [np.full((3, 2), digit, np.uint8) for digit in range(10)]\n"
        "    return DigitImages([i[:2] for i in images], [i[2:] for i in images])\n"
        "DATASET = Dataset(name='tiny', rank=9, d=2, max_size=4, scale=10, load=load)\n"
    )
    assert list(datasets.all_datasets()) == ["mnist", "digits", "tiny"]
    prepare("tiny", tmp_path / "tiny.npz")
    x, _, x_test, _ = load_pair(tmp_path / "tiny.npz", "1-5", 4, dataset="tiny")
    np.testing.assert_array_equal(x, np.float32([[0.1] * 2] * 2 + [[0.5] * 2] * 2))
    np.testing.assert_array_equal(x_test, np.float32([[0.1] * 2, [0.5] * 2]))


def test_a_loader_that_delivers_too_few_images_is_refused(tmp_path, drop_in):
    drop_in(
        "def load(_folder, _cache):\n"
        "    return DigitImages(*[[np.zeros((1, 2), np.uint8)] * 10] * 2)\n"
        "DATASET = Dataset(name='tiny', rank=9, d=2, max_size=4, scale=10, load=load)\n"
    )
    with pytest.raises(DataError, match=r"shape \(1, 2\) for the digit 0, not \(2, 2\)"):
        prepare("tiny", tmp_path / "tiny.npz")
    assert not (tmp_path / "tiny.npz").exists()


def test_loading_a_pair_imports_nothing_heavy(digits):
    code = (
        "import sys; from smoothcore.datasets import load_pair; load_pair(sys.argv[1], '0-1', 2);"
        "print([m for m in ('sklearn', 'pandas', 'pooch', 'requests') if m in sys.modules])"
    )
    output = subprocess.run(
        [sys.executable, "-c", code, str(digits)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert output.strip() == "[]"


@pytest.mark.workflow
def test_images_dated_ahead_are_told_before_a_network_is_trained(tmp_path):
    """They come from a machine with another clock; Snakemake would throw away what they train."""
    study = Workflow(tmp_path)
    images = study.layout.data("digits")
    prepare("digits", images)
    os.utime(images, (time.time() + 3600,) * 2)
    command = (str(study.layout.weights(study.runs[0]).relative_to(tmp_path)),)
    said = study.snakemake(*command, fails=True)
    assert "digits.npz is dated 3," in said and "older modification time" not in said
    assert not study.layout.curve(study.runs[0]).exists()
    (way_out,) = set(re.findall(r":  (touch \S+digits\.npz)", said))
    subprocess.run(way_out, shell=True, check=True, cwd=tmp_path)
    study.snakemake(*command)
    assert study.layout.weights(study.runs[0]).exists()


# -- damage to the prepared file ------------------------------------------------------------------


def test_missing_file(tmp_path):
    with pytest.raises(DamagedFileError, match=r"none\.npz does not exist\. .*snakemake"):
        load_pair(tmp_path / "none.npz", "0-1", 2)


@pytest.mark.parametrize("keep", [0, 1, 100, 5000, -1, -22, -1000])
def test_truncated_file(digits, tmp_path, keep):
    path = tmp_path / "digits.npz"
    path.write_bytes(digits.read_bytes()[:keep])
    with pytest.raises(
        DamagedFileError, match=r"digits\.npz is damaged.*snakemake .*--force -- \S*digits\.npz"
    ):
        load_pair(path, "0-9", 240)


@pytest.fixture(scope="module")
def intact(digits):
    return digits.read_bytes(), load_pair(digits, "0-1", 240)


@given(data=st.data())
@settings(max_examples=400, deadline=None)
def test_a_flipped_bit_is_noticed_or_harmless(intact, tmp_path_factory, data):
    content, expected = intact
    # most of the file is pixels: look closely at the headers and the directory of the archive too
    header = content.index(b"\x93NUMPY", content.index(b"test_1.npy"))
    directory = content.index(b"PK\x01\x02")
    places = (0, len(content)), (header, header + 128), (directory, len(content))
    start, stop = data.draw(st.sampled_from(places))
    position = data.draw(st.integers(start, stop - 1))
    damaged = bytearray(content)
    damaged[position] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path_factory.getbasetemp() / "flipped.npz"
    path.write_bytes(damaged)
    try:
        found = load_pair(path, "0-1", 240)
    except DamagedFileError as error:
        assert str(path) in str(error)
    else:
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_array_equal(a, b)


def test_every_flipped_bit_of_a_shape_is_noticed(tmp_path, drop_in):
    """A header that claims fewer images than it holds could be read without reaching the CRC."""
    drop_in(
        "def load(_folder, _cache):\n"
        "    train, test = np.zeros((1, 64), np.uint8), np.ones((999, 64), np.uint8)\n"
        "    return DigitImages([train] * 10, [test] * 10)\n"
        "DATASET = Dataset(name='tiny', rank=9, d=64, max_size=2, scale=1, load=load)\n"
    )
    path = tmp_path / "tiny.npz"
    prepare("tiny", path)
    content = path.read_bytes()
    shape = content.index(b"(999, 64)", content.index(b"test_1.npy"))
    for bit in range(8 * len("(999, 64)")):
        damaged = bytearray(content)
        damaged[shape + bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        with pytest.raises(DamagedFileError, match="Bad CRC-32"):
            load_pair(path, "0-1", 2)


def test_a_flipped_pixel_is_noticed(digits, tmp_path):
    content = bytearray(digits.read_bytes())
    member = content.index(b"\x93NUMPY", content.index(b"train_0.npy"))
    content[member + 200] ^= 1
    path = tmp_path / "digits.npz"
    path.write_bytes(content)
    with pytest.raises(DamagedFileError, match="Bad CRC-32"):
        load_pair(path, "0-1", 2)
    load_pair(path, "1-2", 2)  # the other digits are intact


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"dataset": np.array("mnist")}, "does not hold images of mnist"),
        ({"dataset": np.array("cifar")}, "holds the dataset 'cifar', not a known one"),
        ({"scale": np.array(255)}, "does not hold images of digits"),
        ({"scale": np.array([16, 16])}, "does not hold images of digits"),
        ({"scale": np.array("x")}, "does not hold images of digits"),
        ({"train_1": np.zeros((120, 64), np.float32)}, "does not hold images of digits"),
        ({"train_1": np.zeros((119, 64), np.uint8)}, "does not hold images of digits"),
        ({"test_1": np.zeros((9, 784), np.uint8)}, "does not hold images of digits"),
        ({"test_1": np.zeros(64, np.uint8)}, "does not hold images of digits"),
        ({"test_1": np.array([None])}, "allow_pickle"),
    ],
)
def test_a_file_of_another_kind(digits, tmp_path, change, says):
    with np.load(digits) as archive:
        arrays = dict(archive) | change
    np.savez(tmp_path / "digits.npz", **arrays)
    with pytest.raises(DamagedFileError, match=says):
        load_pair(tmp_path / "digits.npz", "0-1", 2)


def test_another_npz(tmp_path):
    np.savez(tmp_path / "weights.npz", W=np.zeros(3))
    with pytest.raises(DamagedFileError, match=r"weights\.npz is damaged.*no item named .dataset"):
        load_pair(tmp_path / "weights.npz", "0-1", 2)


def test_another_dataset_than_expected(digits):
    load_pair(digits, "0-1", 2, dataset="digits")
    with pytest.raises(DamagedFileError, match="holds the dataset 'digits', not mnist"):
        load_pair(digits, "0-1", 2, dataset="mnist")
