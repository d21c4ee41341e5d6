"""Files that are whole or absent, and that notice damage: atomic writes, npz, parquet, csv.

Everything this project writes goes through `atomic_write`: under a temporary name, flushed to disk,
then renamed. Readers verify what they read: npz members carry CRCs, parquet files page checksums
and the SHA-256 of their contents.
"""

import contextlib
import errno
import hashlib
import io
import json
import os
import re
import shlex
import socket
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from smoothcore.errors import DamagedFileError, StorageError
from smoothcore.files.repair import reading, repair_hint

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

#: a folder of a hive-partitioned table
_PARTITION = re.compile(r"\w+=.*")
_CONTENT_KEY = b"smoothcore.sha256"
#: where a table's metadata say what it is, as JSON
ABOUT_KEY = b"smoothcore.about"

#: errno → why a file cannot be written, and the way out; other numbers are no fault of the storage
_REASONS = {
    errno.ENOSPC: ("the disk is full", "make room"),
    errno.EDQUOT: ("the disk quota is used up", "make room"),
    errno.EROFS: ("the file system is read-only", "choose a folder that can be written"),
    errno.EACCES: ("permission denied", "make the folder writable"),
    errno.EPERM: ("permission denied", "make the folder writable"),
    errno.ENOTDIR: ("a file is where its folder should be", "move that file away"),
    errno.EEXIST: ("a file is where its folder should be", "move that file away"),
    errno.EISDIR: ("a folder has that name", "move that folder away"),
    errno.EIO: ("the disk reports an error", "have the disk looked at"),
    errno.EFBIG: ("the file is larger than this shell allows", "raise that limit (ulimit -f)"),
}

#: seconds that a file may be dated ahead: a coarse file system rounds
_CLOCK_SECONDS = 2.0


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path on the same disk; on success it becomes ``path`` in one step.

    The temporary file of a hive-partitioned table lies beside the table, never in it: some readers
    open every file below the table's folder. Its name is hidden and has no suffix of data. Those
    that a killed writer of the same file left behind on this machine are removed.

    Raises:
        StorageError: the disk is full, or the folder cannot be written.
    """
    path = Path(path)
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(path)
        folder, prefix = _temporary(path)
        temporary = folder / f"{prefix}{os.getpid()}"
        try:
            yield temporary
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def _temporary(path: Path) -> tuple[Path, str]:
    """Return the folder of a file's temporaries, and how those of this machine begin."""
    path = path.absolute()
    folder = path.parent
    while _PARTITION.fullmatch(folder.name):
        folder = folder.parent
    if folder != path.parent:  # now the table's own folder
        folder = folder.parent
        same_disk = folder.stat().st_dev == path.parent.stat().st_dev
        if not (same_disk and os.access(folder, os.W_OK | os.X_OK)):
            folder = path.parent
    target = hashlib.sha256(str(path.relative_to(folder)).encode()).hexdigest()[:16]
    return folder, f".tmp-{target}-{socket.gethostname()}-"


def remove(path: Path) -> None:
    """Delete a file if it is there, and what killed writers of it left behind."""
    path.unlink(missing_ok=True)
    if path.parent.is_dir():
        _remove_abandoned(path)


def _remove_abandoned(path: Path) -> None:
    folder, prefix = _temporary(path)
    for file in folder.glob(f"{prefix}*"):
        # the name of another machine may begin as this one's: what follows is then no number
        pid = file.name.removeprefix(prefix)
        try:
            if pid.isdigit():
                os.kill(int(pid), 0)  # asks whether its writer is alive
        except ProcessLookupError:
            file.unlink(missing_ok=True)
        except PermissionError:
            continue  # it is


@contextlib.contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn an OSError of the block into a StorageError that says why ``path`` cannot be written."""
    try:
        yield
    except OSError as error:
        if cause := storage_error(path, error):
            raise cause from error
        raise


def storage_error(path: Path, error: OSError) -> StorageError | None:
    """Return what an OSError says about writing ``path``; None if it has another cause."""
    if error.errno not in _REASONS:
        return None
    reason, way_out = _REASONS[error.errno]
    return StorageError(
        f"cannot write {path}: {reason}. Nothing was left under that name; {way_out}, then run the "
        "same command again."
    )


def check_writable(folder: Path) -> None:
    """Make sure that files can be written into a folder, or that the folder can be made.

    Raises:
        StorageError: they cannot; the message says why.
    """
    folder = Path(folder).absolute()
    with storage_errors(folder):
        existing = next(path for path in (folder, *folder.parents) if path.exists())
        with tempfile.TemporaryFile(dir=existing):
            pass


def check_dates(inputs: Iterable[Path], folder: Path) -> None:
    """Make sure that a file written into ``folder`` now is not older than the inputs it comes from.

    Snakemake throws a result away, after hours of work, if it is older than an input. Inputs from a
    machine with another clock can be dated ahead. The clock that counts is that of the file system.

    Args:
        inputs: files; one that is missing is left to its reader.
        folder: where the results will lie; made if it is not there.

    Raises:
        StorageError: an input is dated ahead by more than two seconds, or the folder cannot be
            written.
    """
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            now = os.fstat(probe.fileno()).st_mtime
    for path in filter(Path.exists, map(Path, inputs)):
        ahead = path.stat().st_mtime - now
        if ahead > _CLOCK_SECONDS:
            raise StorageError(
                f"{path} is dated {ahead:,.0f} seconds ahead of the clock, and Snakemake would "
                "throw away what is made from it. Set the clock right or give the file today's "
                f"date, then run the same command again:  touch {shlex.quote(str(path))}"
            )


def write_npz(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays to an uncompressed npz; equal arrays give equal bytes."""
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def read_npz(
    path: Path, *names: str, hint: Callable[[Path], str] = repair_hint
) -> dict[str, np.ndarray]:
    """Read the named arrays of an npz, checking their CRCs.

    The names are asked for because a damaged directory of the archive can hide a member. Pickled
    objects are refused, so a file from somebody else cannot run code. ``hint`` says how to make the
    file again.

    Raises:
        DamagedFileError: the file is missing, truncated, altered, or lacks one of the names.
        StorageError: it may not be read.
    """
    # zipfile and the parser of npy headers raise many kinds on garbage
    with reading(path, Exception, hint=hint):
        with zipfile.ZipFile(path) as archive:
            # each member is read to its end, where its CRC is checked, before any of it is believed
            members = {name: archive.read(f"{name}.npy") for name in names}
        return {
            name: np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
            for name, content in members.items()
        }


def _content_digest(table: "pa.Table") -> bytes:
    """SHA-256 of a table's column names, types and values, however they are laid out in memory."""
    digest = hashlib.sha256()
    for field, column in zip(table.schema, table.columns, strict=True):
        digest.update(repr((field.name, str(field.type), column.to_pylist())).encode())
    return digest.hexdigest().encode()


def write_parquet(path: Path, table: "pa.Table", about: Mapping[str, object] | None = None) -> None:
    """Write a table with page checksums and its own SHA-256; ``about`` goes into the metadata."""
    import pyarrow.parquet as pq

    metadata = {ABOUT_KEY: json.dumps(about or {}, sort_keys=True).encode()}
    metadata[_CONTENT_KEY] = _content_digest(table)
    kept = {k: v for k, v in (table.schema.metadata or {}).items() if k == b"pandas"}
    table = table.replace_schema_metadata({**kept, **metadata})
    with atomic_write(path) as temporary:
        pq.write_table(table, temporary, write_page_checksum=True)


def read_parquet(path: Path) -> "pa.Table":
    """Read one parquet file of this project and verify it.

    Raises:
        DamagedFileError: the file is missing, truncated, altered, or not one of this project's.
        StorageError: it may not be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with (
        reading(path, OSError, pa.ArrowException, ValueError, MemoryError),
        pq.ParquetFile(path, page_checksum_verification=True) as file,
    ):
        table = file.read()
        digest = _content_digest(table)
    if (table.schema.metadata or {}).get(_CONTENT_KEY) != digest:
        raise DamagedFileError(
            f"{path} is damaged (its contents do not match their SHA-256). {repair_hint(path)}"
        )
    return table


def about_in(schema: "pa.Schema", path: Path) -> dict:
    """Return the ``about`` that a table was written with; no checksum covers it.

    Raises:
        DamagedFileError: the table at ``path``, whose schema it is, has none, or a damaged one.
    """
    if ABOUT_KEY not in (schema.metadata or {}):
        raise DamagedFileError(f"{path} is no table of this project. {repair_hint(path)}")
    with reading(path, ValueError):
        return json.loads(schema.metadata[ABOUT_KEY])


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file.

    Raises:
        DamagedFileError: the file is missing.
        StorageError: it may not be read.
    """
    with reading(path):
        return hashlib.sha256(path.read_bytes()).hexdigest()


def write_csv(path: Path, table: "pd.DataFrame") -> None:
    """Write a table for people, without its index."""
    with atomic_write(path) as temporary:
        table.to_csv(temporary, index=False)


def read_csv(path: Path, types: Mapping[str, type] | None = None) -> "pd.DataFrame":
    """Read a table that `write_csv` wrote, some columns in given types.

    Raises:
        DamagedFileError: the file is missing or is no table. It carries no checksum.
        StorageError: it may not be read.
    """
    import pandas as pd

    with reading(path, ValueError):
        return pd.read_csv(path, dtype=types)
