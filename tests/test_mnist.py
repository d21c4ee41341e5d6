"""MNIST: its four files, from a folder or the mirrors, and none of them taken unchecked."""

import errno
import functools
import gzip
import hashlib
import http.server
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from smoothcore.datasets import load_pair, mnist, prepare
from smoothcore.errors import DataError, StorageError


@pytest.fixture(autouse=True)
def no_named_folder(monkeypatch):
    monkeypatch.delenv(mnist.DIRECTORY_VARIABLE, raising=False)


# -- IDX ------------------------------------------------------------------------------------------


def idx(shape, kind=8, content=None):
    header = bytes([0, 0, kind, len(shape)]) + np.array(shape, ">u4").tobytes()
    return header + (bytes(range(int(np.prod(shape)))) if content is None else content)


def test_idx():
    array = mnist.parse_idx(gzip.compress(idx((2, 3, 4))), (2, 3, 4))
    np.testing.assert_array_equal(array, np.arange(24).reshape(2, 3, 4))
    assert array.dtype == np.uint8


# -- MNIST from a folder --------------------------------------------------------------------------


@pytest.fixture
def copied(mnist_folder, tmp_path):
    folder = tmp_path / "copy"
    folder.mkdir()
    for name in mnist.FILES:
        shutil.copyfile(mnist_folder / name, folder / name)
    return folder


@pytest.fixture
def no_download(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("nothing may be downloaded")

    monkeypatch.setattr(mnist, "download", refuse)


@pytest.mark.mnist
@pytest.mark.usefixtures("no_download")
def test_mnist(mnist_folder, tmp_path):
    def of_file(name, *shape):
        return mnist.parse_idx((mnist_folder / f"{name}-ubyte.gz").read_bytes(), shape)

    train = of_file("train-images-idx3", 60_000, 28, 28).reshape(60_000, 784)
    test = of_file("t10k-images-idx3", 10_000, 28, 28).reshape(10_000, 784)
    train_labels = of_file("train-labels-idx1", 60_000)
    test_labels = of_file("t10k-labels-idx1", 10_000)
    assert train_labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert test_labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(train_labels).tolist() == counts
    test_counts = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert np.bincount(test_labels).tolist() == test_counts

    images = mnist.load(mnist_folder, tmp_path / "cache")
    assert [len(of_digit) for of_digit in images.test] == test_counts
    for digit in range(10):
        np.testing.assert_array_equal(images.train[digit], train[train_labels == digit][:5000])
        np.testing.assert_array_equal(images.test[digit], test[test_labels == digit])

    path = tmp_path / "results" / "mnist.npz"
    prepare("mnist", path, mnist_folder)
    x, y, x_test, y_test = load_pair(path, "4-9", 10_000, dataset="mnist")
    assert x.shape == (10_000, 784)
    assert x_test.shape == (982 + 1009, 784)
    # the third image of the training file is its first 4, the fifth its first 9
    np.testing.assert_array_equal(x[0], train[2] / np.float32(255))
    np.testing.assert_array_equal(x[5000], train[4] / np.float32(255))
    np.testing.assert_array_equal(x_test[0], test[4] / np.float32(255))
    assert x.max() == 1
    assert (y == -1).sum() == (y == 1).sum() == 5000
    assert (y_test == -1).sum() == 982
    last_four = np.flatnonzero(train_labels == 4)[4999]
    np.testing.assert_array_equal(x[4999], train[last_four] / np.float32(255))


@pytest.mark.mnist
@pytest.mark.usefixtures("no_download")
def test_mnist_from_the_variable(mnist_folder, tmp_path, monkeypatch):
    monkeypatch.setenv(mnist.DIRECTORY_VARIABLE, str(mnist_folder))
    assert len(mnist.load(None, tmp_path / "cache").test[0]) == 980
    with pytest.raises(DataError, match=r"The folder .* does not exist"):
        mnist.load(tmp_path / "none", tmp_path / "cache")  # the configuration comes first


def truncate(path):
    path.write_bytes(path.read_bytes()[:-1])


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def swap_images_and_labels(path):
    other = path.with_name(path.name.replace("images-idx3", "labels-idx1"))
    path.replace(path.with_name("other"))
    other.replace(path)
    path.with_name("other").replace(other)


def unpack(path):
    path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
    path.unlink()


def make_it_a_folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.mnist
@pytest.mark.parametrize("prefix", ["train", "t10k"])
@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (truncate, "{path} is truncated or altered: its SHA-256 is "),
        (flip_a_byte, "{path} is truncated or altered: its SHA-256 is "),
        (swap_images_and_labels, "{path} holds what belongs in {prefix}-labels-idx1-ubyte.gz"),
        (Path.unlink, "{path} is missing"),
        (unpack, "{path} is missing"),
        (make_it_a_folder, "{path} cannot be read: "),
    ],
)
@pytest.mark.usefixtures("no_download")
def test_damaged_mnist_is_refused_and_left_alone(copied, tmp_path, prefix, damage, says):
    path = copied / f"{prefix}-images-idx3-ubyte.gz"
    damage(path)
    before = [(file.name, file.stat()) for file in sorted(copied.iterdir())]
    destination = tmp_path / "results" / "mnist.npz"
    with pytest.raises(DataError) as caught:
        prepare("mnist", destination, copied)
    assert says.format(path=path, prefix=prefix) in str(caught.value)
    assert "mnist_dir" in str(caught.value)
    assert mnist.DIRECTORY_VARIABLE in str(caught.value)
    after = [(file.name, file.stat()) for file in sorted(copied.iterdir())]
    for (name, stat), (name_before, stat_before) in zip(after, before, strict=True):
        assert name == name_before
        assert (stat.st_ino, stat.st_mtime_ns) == (stat_before.st_ino, stat_before.st_mtime_ns)
    assert not destination.exists()


@pytest.mark.parametrize("folder", ["~nobody-has-this-name/mnist", "~/no-such-folder", "a\0b"])
@pytest.mark.usefixtures("no_download")
def test_a_named_folder_that_cannot_be(tmp_path, monkeypatch, folder):
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(DataError, match=r"The folder .* does not exist"):
        mnist.load(Path(folder), tmp_path / "cache")


@pytest.mark.parametrize("kind", ["none", "empty", "file"])
@pytest.mark.usefixtures("no_download")
def test_a_named_folder_without_the_files(tmp_path, kind):
    folder = tmp_path / "mnist"
    if kind == "empty":
        folder.mkdir()
    elif kind == "file":
        folder.write_text("")
    with pytest.raises(DataError) as caught:
        mnist.load(folder, tmp_path / "cache")
    lines = str(caught.value).splitlines()
    assert len(lines) == (6 if kind == "empty" else 1)
    assert str(folder) in str(caught.value)
    assert not (tmp_path / "cache").exists()


@pytest.mark.usefixtures("no_download")
def test_a_folder_below_one_that_may_not_be_entered(tmp_path, monkeypatch):
    """The tests may run as root, who may enter all."""
    folder, stat = tmp_path / "closed" / "mnist", Path.stat

    def refuse(path, **options):
        if folder in (path, *path.parents):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", refuse)
    with pytest.raises(DataError) as caught:
        mnist.load(folder, tmp_path / "cache")
    assert str(caught.value).startswith(f"{folder} cannot be read: Permission denied. Put the four")


# -- MNIST from the mirrors -----------------------------------------------------------------------

CONTENTS = {"a.gz": b"first file" * 20_000, "b.gz": b"second file"}


class _Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        self.server.requested.append(self.path)
        super().do_GET()

    def log_message(self, *args):
        pass


@pytest.fixture
def mirrors(tmp_path, monkeypatch):
    """Serve two folders, ``first`` and ``second``, as the two mirrors of two small files."""
    served = tmp_path / "served"
    for mirror in ("first", "second"):
        (served / mirror).mkdir(parents=True)
        for name, content in CONTENTS.items():
            (served / mirror / name).write_bytes(content)
    handler = functools.partial(_Handler, directory=served)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.requested = []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        root = f"http://127.0.0.1:{server.server_port}"
        hashes = {name: hashlib.sha256(c).hexdigest() for name, c in CONTENTS.items()}
        monkeypatch.setenv("NO_PROXY", "*")
        monkeypatch.setenv("no_proxy", "*")
        monkeypatch.setattr(mnist, "FILES", hashes)
        monkeypatch.setattr(mnist, "MIRRORS", (f"{root}/first/", f"{root}/second/"))
        yield served, server
        server.shutdown()
        thread.join()


def contents_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_download_once(mirrors, tmp_path):
    _, server = mirrors
    cache = tmp_path / "data" / "mnist"
    mnist.download(cache)
    assert contents_of(cache) == CONTENTS
    assert server.requested == ["/first/a.gz", "/first/b.gz"]
    mnist.download(cache)
    assert len(server.requested) == 2


def test_a_damaged_download_is_made_again(mirrors, tmp_path):
    cache = tmp_path / "cache"
    mnist.download(cache)
    (cache / "a.gz").write_bytes(CONTENTS["a.gz"][:-1])
    mnist.download(cache)
    assert contents_of(cache) == CONTENTS
    assert mirrors[1].requested[2:] == ["/first/a.gz"]


@pytest.mark.parametrize("failure", ["not found", "truncated", "altered", "refused"])
def test_second_mirror(mirrors, tmp_path, monkeypatch, failure):
    served, server = mirrors
    path = served / "first" / "a.gz"
    if failure == "not found":
        path.unlink()
    elif failure == "truncated":
        truncate(path)
    elif failure == "altered":
        flip_a_byte(path)
    else:
        closed = http.server.HTTPServer(("127.0.0.1", 0), _Handler)
        closed.server_close()
        url = f"http://127.0.0.1:{closed.server_port}/"
        monkeypatch.setattr(mnist, "MIRRORS", (url, mnist.MIRRORS[1]))
    cache = tmp_path / "cache"
    mnist.download(cache)
    assert contents_of(cache) == CONTENTS
    assert "/second/a.gz" in server.requested


def test_a_connection_that_breaks_off(mirrors, tmp_path, monkeypatch):
    served, _ = mirrors

    def broken(handler):
        if handler.path.startswith("/second"):
            return http.server.SimpleHTTPRequestHandler.do_GET(handler)
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(CONTENTS["a.gz"])))
        handler.end_headers()
        handler.wfile.write(CONTENTS["a.gz"][:70_000])
        handler.close_connection = True

    monkeypatch.setattr(_Handler, "do_GET", broken)
    mnist.download(tmp_path / "cache")
    assert contents_of(tmp_path / "cache") == CONTENTS
    shutil.rmtree(served / "second")
    with pytest.raises(DataError):
        mnist.download(tmp_path / "other")
    assert contents_of(tmp_path / "other") == {}


def test_no_mirror(mirrors, tmp_path):
    served, _ = mirrors
    (served / "first" / "b.gz").unlink()
    flip_a_byte(served / "second" / "b.gz")
    cache = tmp_path / "cache"
    with pytest.raises(DataError) as caught:
        mnist.load(None, cache)
    text = str(caught.value)
    assert text.startswith("b.gz cannot be downloaded.\n")
    assert f"{mnist.MIRRORS[0]}b.gz: 404" in text
    assert f"{mnist.MIRRORS[1]}b.gz: what was delivered is not the original file" in text
    assert mnist.DIRECTORY_VARIABLE in text
    assert contents_of(cache / "mnist") == {"a.gz": CONTENTS["a.gz"]}  # nothing beside it


def test_folder_that_cannot_be_written(mirrors, tmp_path):
    (tmp_path / "data").write_text("a file where the folder should be")
    with pytest.raises(StorageError, match=r"data.*: a file is where its folder should be"):
        mnist.download(tmp_path / "data")
    assert (tmp_path / "data").read_text().startswith("a file")


def test_a_disk_that_is_full(mirrors, tmp_path, monkeypatch):
    def refuse(*_arguments, **_options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pooch.core.stream_download", refuse)
    with pytest.raises(StorageError, match=r"cannot write .*a\.gz: the disk is full.*make room"):
        mnist.download(tmp_path / "cache")


def test_missing_certificates_are_no_fault_of_the_disk(tmp_path, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "no-such-bundle.pem"))
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(mnist, "MIRRORS", ("https://127.0.0.1:9/",))
    with pytest.raises(DataError) as caught:
        mnist.download(tmp_path / "cache")
    assert "no-such-bundle.pem" in str(caught.value)
    assert "room" not in str(caught.value)
    assert mnist.DIRECTORY_VARIABLE in str(caught.value)
