import errno
import subprocess
import sys

import numpy as np
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


def test_a_flipped_bit_in_an_npz_never_changes_a_number(tmp_path):
    storage.write_npz(tmp_path / "whole.npz", ARRAYS)
    damaged, detected = tmp_path / "damaged.npz", 0
    for position, content in flips((tmp_path / "whole.npz").read_bytes(), step=5):
        damaged.write_bytes(content)
        try:
            assert same_arrays(storage.read_npz(damaged, *ARRAYS)), position
        except DamagedFileError as error:
            detected += 1
            assert str(damaged) in str(error) and "snakemake" in str(error)
    assert detected > 400  # the array's own 2,000 bytes at the least


def test_a_flipped_bit_in_a_parquet_never_changes_a_number(tmp_path):
    storage.write_parquet(tmp_path / "whole.parquet", TABLE)
    damaged, detected = tmp_path / "damaged.parquet", 0
    for position, content in flips((tmp_path / "whole.parquet").read_bytes(), step=3):
        damaged.write_bytes(content)
        try:
            assert storage.read_parquet(damaged).equals(TABLE), position
        except DamagedFileError as error:
            detected += 1
            assert str(damaged) in str(error) and "snakemake" in str(error)
    assert detected > 100


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
@pytest.mark.parametrize("suffix", ["npz", "parquet"])
def test_truncated_files_are_refused(tmp_path, suffix, share):
    path = tmp_path / f"file.{suffix}"
    if suffix == "npz":
        storage.write_npz(path, ARRAYS)
    else:
        storage.write_parquet(path, TABLE)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(DamagedFileError, match=r"damaged.*rm .*&& snakemake"):
        storage.read_npz(path, *ARRAYS) if suffix == "npz" else storage.read_parquet(path)


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
        assert temporary.name.startswith(".")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out.txt"]


def test_temporary_files_of_dead_writers_are_removed(tmp_path):
    path = tmp_path / "out.txt"
    code = (
        "import os, sys; from pathlib import Path\n"
        "from smoothcore.files.storage import atomic_write\n"
        "with atomic_write(Path(sys.argv[1])) as t:\n    t.write_text('half'); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert len(list(tmp_path.iterdir())) == 1 and not path.exists()
    with storage.atomic_write(path) as temporary:
        temporary.write_text("whole")
    assert [p.name for p in tmp_path.iterdir()] == ["out.txt"]
    subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    storage.remove(path)
    storage.remove(path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "permission denied"),
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
