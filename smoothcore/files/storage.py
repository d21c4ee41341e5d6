"""Files that are whole or absent, and that notice damage: atomic writes, npz, parquet, csv.

Everything this project writes goes through `atomic_write`: under a hidden temporary name in the
same folder, flushed to disk, then renamed. Readers verify what they read: npz members carry CRCs,
parquet files page checksums and the SHA-256 of their contents.
"""

import contextlib
import errno
import hashlib
import io
import json
import os
import re
import socket
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from smoothcore.errors import DamagedFileError, StorageError
from smoothcore.files.repair import repair_hint

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_TEMPORARY = re.compile(r"\.tmp-(?P<host>.+)-(?P<pid>\d+)-(?P<name>.+)")
_CONTENT_KEY = b"smoothcore.sha256"
#: where a table's metadata say what it is, as JSON
ABOUT_KEY = b"smoothcore.about"


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success it becomes ``path`` in one step.

    Temporary files start with a dot, so no reader of a results folder takes them for data. Those
    that a killed writer of the same file left behind on this machine are removed.

    Raises:
        StorageError: the disk is full, or the folder cannot be written.
    """
    path = Path(path)
    temporary = path.with_name(f".tmp-{socket.gethostname()}-{os.getpid()}-{path.name}")
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(path)
        try:
            yield temporary
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def remove(path: Path) -> None:
    """Delete a file if it is there, and what killed writers of it left behind."""
    path.unlink(missing_ok=True)
    _remove_abandoned(path)


def _remove_abandoned(path: Path) -> None:
    for sibling in path.parent.glob(f".tmp-*-{path.name}"):
        match = _TEMPORARY.fullmatch(sibling.name)
        if match and match["host"] == socket.gethostname() and not _is_alive(int(match["pid"])):
            sibling.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextlib.contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn an OSError of the block into a StorageError that says why ``path`` cannot be written."""
    reasons = {
        errno.ENOSPC: "the disk is full",
        errno.EDQUOT: "the disk quota is used up",
        errno.EROFS: "the file system is read-only",
        errno.EACCES: "permission denied",
        errno.EPERM: "permission denied",
        errno.ENOTDIR: "a file is where its folder should be",
        errno.EEXIST: "a file is where its folder should be",
        errno.EISDIR: "a folder has that name",
        errno.EIO: "the disk reports an error",
        errno.EFBIG: "the file is larger than the limit of this shell (ulimit -f)",
    }
    try:
        yield
    except OSError as error:
        if error.errno not in reasons:
            raise
        raise StorageError(
            f"cannot write {path}: {reasons[error.errno]}. Nothing was left under that name; make "
            "room or make the folder writable, then run the same command again."
        ) from error


def check_writable(folder: Path) -> None:
    """Make sure that files can be written into a folder, or that the folder can be made.

    Raises:
        StorageError: they cannot; the message says why.
    """
    folder = Path(folder).absolute()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    with storage_errors(folder), tempfile.TemporaryFile(dir=existing):
        pass


def write_npz(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays to an uncompressed npz; equal arrays give equal bytes."""
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def read_npz(
    path: Path, *names: str, hint: Callable[[Path], str] = repair_hint
) -> dict[str, np.ndarray]:
    """Read the named arrays of an npz, checking their CRCs.

    The names are asked for because a damaged directory of the archive can hide a member. Pickled
    objects are refused, so a file from somebody else cannot run code. ``hint`` says how to make the
    file anew.

    Raises:
        DamagedFileError: the file is missing, truncated, altered, or lacks one of the names.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            # each member is read to its end, where its CRC is checked, before any of it is believed
            members = {name: archive.read(f"{name}.npy") for name in names}
        return {
            name: np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
            for name, content in members.items()
        }
    except FileNotFoundError:
        raise DamagedFileError(f"{path} does not exist. {hint(path)}") from None
    except Exception as error:  # zipfile and the npy header parser raise many kinds on garbage
        raise DamagedFileError(
            f"{path} is damaged ({type(error).__name__}: {error}). {hint(path)}"
        ) from error


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
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            table = file.read()
        digest = _content_digest(table)
    except FileNotFoundError:
        raise DamagedFileError(f"{path} does not exist. {repair_hint(path)}") from None
    except (OSError, pa.ArrowException, ValueError, MemoryError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DamagedFileError(f"{path} is damaged ({reason}). {repair_hint(path)}") from error
    if (table.schema.metadata or {}).get(_CONTENT_KEY) != digest:
        raise DamagedFileError(
            f"{path} is damaged (its contents do not match their SHA-256). {repair_hint(path)}"
        )
    return table


def read_metadata(path: Path) -> dict[bytes, bytes]:
    """Return the metadata of a parquet file of this project, without reading its values.

    Raises:
        DamagedFileError: the file is missing, truncated, or not one of this project's.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_schema(path).metadata or {}
    except FileNotFoundError:
        raise DamagedFileError(f"{path} does not exist. {repair_hint(path)}") from None
    except (OSError, pa.ArrowException, ValueError) as error:
        raise DamagedFileError(f"{path} is damaged ({error}). {repair_hint(path)}") from error
    if ABOUT_KEY not in metadata:
        raise DamagedFileError(f"{path} is no table of this project. {repair_hint(path)}")
    return metadata


def write_csv(path: Path, table: "pd.DataFrame") -> None:
    """Write a table for people, without its index."""
    with atomic_write(path) as temporary:
        table.to_csv(temporary, index=False)


def read_csv(path: Path) -> "pd.DataFrame":
    """Read a table that `write_csv` wrote.

    Raises:
        DamagedFileError: the file is missing or is no table. It carries no checksum.
    """
    import pandas as pd

    try:
        return pd.read_csv(path)
    except FileNotFoundError:
        raise DamagedFileError(f"{path} does not exist. {repair_hint(path)}") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise DamagedFileError(f"{path} is damaged ({error}). {repair_hint(path)}") from None
