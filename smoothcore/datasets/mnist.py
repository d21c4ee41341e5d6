"""MNIST: 784 pixels, up to 10,000 training images a pair.

Its four original files are found or downloaded, checked against their hashes and parsed.
"""

import gzip
import hashlib
import os
from pathlib import Path

import numpy as np

from smoothcore.datasets import Dataset, DigitImages
from smoothcore.errors import DataError
from smoothcore.files.storage import check_writable, storage_error

#: the first training images of each digit, in file order (§4.1)
TRAIN_PER_DIGIT = 5000

DIRECTORY_VARIABLE = "SMOOTHCORE_MNIST_DIR"
#: file → SHA-256
FILES = {
    "train-images-idx3-ubyte.gz": (
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
    ),
    "train-labels-idx1-ubyte.gz": (
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
    ),
    "t10k-images-idx3-ubyte.gz": (
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
    ),
}
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
DOWNLOAD_TIMEOUT_S = 30
_WAY_OUT = (
    f"Put the four original files ({', '.join(FILES)}) into a folder, as they are, not unpacked, "
    f"and name it by mnist_dir in the configuration or by the variable {DIRECTORY_VARIABLE}."
)


def load(mnist_dir: Path | None, cache: Path) -> DigitImages:
    """Return the first 5,000 training images and all test images of each digit.

    Args:
        mnist_dir: folder with the four files. None: the variable SMOOTHCORE_MNIST_DIR if it is
            set, else the folder ``mnist`` of ``cache``. A folder that is named is only ever read.
        cache: its folder ``mnist`` is where the files are downloaded to, once, where no folder is
            named.

    Raises:
        DataError: a file is missing, altered or not available.
        StorageError: ``cache`` cannot be written.
    """
    if named := mnist_dir or os.environ.get(DIRECTORY_VARIABLE):
        # Path.expanduser fails where no user has a name; the folder ~name does not exist then
        folder = Path(os.path.expanduser(named))  # noqa: PTH111
    else:
        folder = cache / "mnist"
        download(folder)
    contents = _read_verified(folder)

    def by_digit(part: str, count: int) -> list[np.ndarray]:
        images = parse_idx(contents[f"{part}-images-idx3-ubyte.gz"], (count, 28, 28))
        labels = parse_idx(contents[f"{part}-labels-idx1-ubyte.gz"], (count,))
        return [images.reshape(count, -1)[labels == digit] for digit in range(10)]

    train = [images[:TRAIN_PER_DIGIT] for images in by_digit("train", 60_000)]
    return DigitImages(train, by_digit("t10k", 10_000))


def parse_idx(compressed: bytes, shape: tuple[int, ...]) -> np.ndarray:
    """Return the array of a gzipped IDX file of unsigned bytes, whose digest has been verified.

    4 bytes of the header say the type, 4 each dimension; the values follow in row-major order.
    """
    header = 4 + 4 * len(shape)
    return np.frombuffer(gzip.decompress(compressed), np.uint8, offset=header).reshape(shape)


def _read_verified(folder: Path) -> dict[str, bytes]:
    """Return the content of the four files; raises DataError naming all that are wrong."""
    try:
        is_folder = folder.is_dir()
    except OSError as error:  # a folder above it may not be entered
        raise DataError(f"{folder} cannot be read: {error.strerror}. {_WAY_OUT}") from None
    if not is_folder:
        raise DataError(f"The folder {folder} with the MNIST files does not exist. {_WAY_OUT}")
    contents, problems = {}, []
    for name, sha256 in FILES.items():
        path = folder / name
        try:
            contents[name] = path.read_bytes()
        except FileNotFoundError:
            problems.append(f"{path} is missing")
            continue
        except OSError as error:
            problems.append(f"{path} cannot be read: {error.strerror}")
            continue
        found = hashlib.sha256(contents[name]).hexdigest()
        if found != sha256:
            others = [other for other, its_hash in FILES.items() if its_hash == found]
            problems.append(
                f"{path} is truncated or altered: its SHA-256 is {found}, not {sha256}"
                if not others
                else f"{path} holds what belongs in {others[0]}"
            )
    if problems:
        raise DataError(
            "\n".join(["The MNIST files are not as they should be.", *problems, _WAY_OUT])
        )
    return contents


def download(folder: Path) -> None:
    """Download into ``folder`` those of the four files that are not there, or not intact.

    Each mirror is tried in turn. A file gets its name only after its hash was found right.

    Raises:
        DataError: no mirror delivers a file.
        StorageError: the folder cannot be written.
    """
    import pooch
    from requests.exceptions import RequestException

    for name, sha256 in FILES.items():
        failures = []
        for mirror in MIRRORS:
            try:
                pooch.retrieve(
                    mirror + name,
                    known_hash=f"sha256:{sha256}",
                    fname=name,
                    path=folder,
                    downloader=pooch.HTTPDownloader(
                        progressbar=True, timeout=DOWNLOAD_TIMEOUT_S, chunk_size=2**16
                    ),
                )
                break
            except RequestException as error:
                failures.append(f"{mirror}{name}: {error}")
            except ValueError:
                failures.append(f"{mirror}{name}: what was delivered is not the original file")
            except OSError as error:
                check_writable(folder)
                if cause := storage_error(folder / name, error):
                    raise cause from None
                # no fault of the disk, such as a missing file of certificates
                failures.append(f"{mirror}{name}: {error}")
        else:
            raise DataError("\n".join([f"{name} cannot be downloaded.", *failures, _WAY_OUT]))


DATASET = Dataset(name="mnist", rank=1, d=784, max_size=2 * TRAIN_PER_DIGIT, scale=255, load=load)
