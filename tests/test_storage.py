import errno
import os
import shlex
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from smoothcore.errors import DamagedFileError, StorageError
from smoothcore.files import storage

ARRAYS = {"a": np.arange(500, dtype=np.float32), "b": np.array("identity")}
TABLE = pa.table({"x": [1.0, 2.0, 3.0], "y": ["a", "b", None], "z": [True, False, True]})


def same_arrays(found):
    return found.keys() == ARRAYS.keys() and all(
        np.array_equal(found[k], v) and found[k].dtype == v.dtype for k, v in ARRAYS.items()
    )


def flips(content: bytes, step: int):
    for position in range(0, len(content), step):
        changed = bytearray(content)
        changed[position] ^= 1 << (position % 8)
        yield position, bytes(changed)


def test_equal_arrays_give_equal_bytes(tmp_path):
    storage.write_npz(tmp_path / "1.npz", ARRAYS)
    storage.write_npz(tmp_path / "2.npz", ARRAYS)
    assert (tmp_path / "1.npz").read_bytes() == (tmp_path / "2.npz").read_bytes()
    assert same_arrays(storage.read_npz(tmp_path / "1.npz", *ARRAYS))


#: file → what writes it, and what tells whether it holds the same numbers
KINDS = {
    "file.npz": (
        lambda path: storage.write_npz(path, ARRAYS),
        lambda path: same_arrays(storage.read_npz(path, *ARRAYS)),
    ),
    "file.parquet": (
        lambda path: storage.write_parquet(path, TABLE),
        lambda path: storage.read_parquet(path).equals(TABLE),
    ),
}


# of the npz the array's own 2,000 bytes at the least
@pytest.mark.parametrize(
    ("name", "step", "least"), [("file.npz", 5, 400), ("file.parquet", 3, 100)]
)
def test_a_flipped_bit_never_changes_a_number(tmp_path, name, step, least):
    (write, holds_the_same), path, detected = KINDS[name], tmp_path / name, 0
    write(path)
    for position, content in flips(path.read_bytes(), step):
        path.write_bytes(content)
        try:
            assert holds_the_same(path), position
        except DamagedFileError as error:
            detected += 1
            assert str(path) in str(error) and "snakemake" in str(error)
    assert detected > least


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
@pytest.mark.parametrize("name", KINDS)
def test_truncated_files_are_refused(tmp_path, name, share):
    (write, read), path = KINDS[name], tmp_path / name
    write(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(DamagedFileError, match=r"damaged.*rm .*&& snakemake"):
        read(path)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(DamagedFileError, match=r"gone\.npz does not exist"):
        storage.read_npz(tmp_path / "gone.npz")
    with pytest.raises(DamagedFileError, match=r"gone\.parquet does not exist"):
        storage.read_parquet(tmp_path / "gone.parquet")


def test_a_pickle_is_refused_and_not_run(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "exploded"), "w"))

    np.savez(tmp_path / "bomb.npz", W=np.array([Bomb()], dtype=object))
    with pytest.raises(DamagedFileError, match="allow_pickle"):
        storage.read_npz(tmp_path / "bomb.npz", "W")
    assert not (tmp_path / "exploded").exists()


def test_nothing_is_visible_before_it_is_whole(tmp_path):
    path = tmp_path / "out.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), storage.atomic_write(path) as temporary:
        temporary.write_text("half")
        assert path.read_text() == "old"
        assert temporary.name.startswith(".tmp-") and "txt" not in temporary.name
        raise RuntimeError
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out.txt"]


KILLED = """
import os, sys
from pathlib import Path
from smoothcore.files.storage import atomic_write
with atomic_write(Path(sys.argv[1])) as temporary:
    temporary.write_bytes(b"half")
    os._exit(9)
"""


def test_temporary_files_of_dead_writers_are_removed(tmp_path):
    path = tmp_path / "out.txt"
    subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert len(list(tmp_path.iterdir())) == 1 and not path.exists()
    with storage.atomic_write(path) as temporary:
        temporary.write_text("whole")
    assert [p.name for p in tmp_path.iterdir()] == ["out.txt"]
    subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    storage.remove(path)
    storage.remove(path)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def table_with_a_killed_writer(tmp_path):
    """A folder of two files of three rows, and what a writer of a third left behind."""
    root = tmp_path / "results" / "demo" / "runs"
    for size in (16, 32):
        folder = root / f"pair=0-1/size={size}"
        storage.write_parquet(folder / "lambda-0.0_lr-0.1.parquet", TABLE)
    third = root / "pair=0-1" / "size=64" / "lambda-0.0_lr-0.1.parquet"
    subprocess.run([sys.executable, "-c", KILLED, str(third)], check=False)
    return root


def test_the_temporary_of_a_table_lies_beside_it(table_with_a_killed_writer):
    root = table_with_a_killed_writer
    (temporary,) = root.parent.glob(".tmp-*")
    assert temporary.read_bytes() == b"half"
    assert sum(path.is_file() for path in root.rglob("*")) == 2
    # the next writer of the same file removes it
    storage.write_parquet(root / "pair=0-1/size=64/lambda-0.0_lr-0.1.parquet", TABLE)
    assert sorted(path.name for path in root.parent.iterdir()) == ["runs"]
    assert sum(path.is_file() for path in root.rglob("*")) == 3


def test_a_folder_above_that_cannot_be_written_is_not_needed(tmp_path, monkeypatch):
    path = tmp_path / "runs" / "size=16" / "out.txt"
    monkeypatch.setattr(os, "access", lambda folder, mode: False)
    with storage.atomic_write(path) as temporary:
        temporary.write_text("whole")
        assert temporary.parent == path.parent
    assert path.read_text() == "whole"


def test_duckdb_reads_a_table_while_it_is_written(table_with_a_killed_writer):
    duckdb = pytest.importorskip("duckdb")
    files = f"{table_with_a_killed_writer}/**/*.parquet"
    query = "SELECT count(*), sum(size) FROM read_parquet(?, hive_partitioning = true)"
    assert duckdb.execute(query, [files]).fetchall() == [(6, 3 * 16 + 3 * 32)]


@pytest.mark.parametrize("pattern", ["", "/**/*.parquet"])
def test_polars_reads_a_table_while_it_is_written(table_with_a_killed_writer, pattern):
    polars = pytest.importorskip("polars")
    table = polars.read_parquet(f"{table_with_a_killed_writer}{pattern}", hive_partitioning=True)
    assert table["size"].to_list() == [16, 16, 16, 32, 32, 32]


def test_pandas_reads_a_table_while_it_is_written(table_with_a_killed_writer):
    assert pd.read_parquet(table_with_a_killed_writer)["x"].to_list() == [1, 2, 3, 1, 2, 3]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "the disk is full.*make room"),
        (errno.EDQUOT, "the disk quota is used up.*make room"),
        (errno.EROFS, "the file system is read-only.*choose a folder that can be written"),
        (errno.EACCES, "permission denied.*make the folder writable"),
        (errno.ENOTDIR, "a file is where its folder should be.*move that file away"),
        (errno.EFBIG, "larger than this shell allows.*ulimit -f"),
    ],
)
def test_the_reason_a_file_cannot_be_written_is_told(tmp_path, code, words):
    path = tmp_path / "out.txt"
    with pytest.raises(StorageError, match=words) as raised, storage.atomic_write(path):
        raise OSError(code, "no")
    assert str(path) in str(raised.value)
    assert not list(tmp_path.iterdir())


def test_a_really_full_disk(tmp_path):
    """/dev/full fails like a full disk on every write."""
    full = tmp_path / ".tmp-full"
    full.symlink_to("/dev/full")
    with (
        pytest.raises(StorageError, match="disk is full"),
        storage.atomic_write(tmp_path / "out.npz"),
        full.open("wb") as file,
    ):
        np.savez(file, **ARRAYS)
    assert not (tmp_path / "out.npz").exists()


def test_a_table_of_many_chunks_reads_back(tmp_path):
    table = pa.concat_tables([TABLE.schema.empty_table(), TABLE, TABLE.slice(1), TABLE.slice(2, 1)])
    storage.write_parquet(tmp_path / "chunks.parquet", table)
    assert storage.read_parquet(tmp_path / "chunks.parquet").equals(table)


def test_a_folder_that_can_be_written_or_made(tmp_path):
    storage.check_writable(tmp_path)
    storage.check_writable(tmp_path / "not" / "yet" / "there")
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"file/below: a file is where its folder should be"):
        storage.check_writable(tmp_path / "file" / "below")


@pytest.mark.parametrize("read", [storage.read_parquet, storage.read_csv, storage.read_npz])
def test_a_file_that_may_not_be_read_is_not_called_damaged(tmp_path, monkeypatch, read):
    path = tmp_path / "closed"
    path.write_bytes(b"")

    def refuse(*_arguments, **_options):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(storage.zipfile, "ZipFile", refuse)
    monkeypatch.setattr("pyarrow.parquet.ParquetFile", refuse)
    monkeypatch.setattr("pandas.read_csv", refuse)
    with pytest.raises(StorageError, match=r"closed cannot be read: permission denied\. Make it"):
        read(path)


def test_an_input_dated_ahead_is_refused_before_any_work(tmp_path):
    images, results = tmp_path / "the images.npz", tmp_path / "results" / "weights"
    images.write_bytes(b"")
    storage.check_dates([images], results)
    for ahead, said in ((30, "[23]\\d"), (3600, r"3,(600|5\d\d)")):
        os.utime(images, (time.time() + ahead,) * 2)
        with pytest.raises(StorageError, match=f"is dated {said} seconds ahead of") as raised:
            storage.check_dates([images], results)
    subprocess.run(shlex.split(str(raised.value).split(":  ")[1]), check=True)  # the way out
    storage.check_dates([images], results)
    assert not list(results.iterdir())
