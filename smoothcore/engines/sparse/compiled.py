"""Compile with Numba and keep the machine code on disk, safely.

Numba's own on-disk cache keeps a mutable index beside the code, looks only at the source file of
the outermost function, and trusts whatever it reads. Here each entry is one immutable file whose
name says everything that determines the code (all the sources, versions, processor, signature) and
whose content is guarded by a digest. So processes that start together on an empty cache write equal
files, a machine with another processor on the same disk gets a file of its own, and a damaged file
is compiled again and replaced.
"""

import contextlib
import hashlib
import pickle
import re
import sys
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

import llvmlite
import numba
from numba.core.caching import FunctionCache, NullCache

from smoothcore import IMPORTED_AT
from smoothcore.errors import SettingsError

#: settings of Numba that say where files are, what is printed, or how threads are started
_NOT_OF_CODE = re.compile(
    "DEBUG|DUMP|DIR|PATH|WARN|TRACE|COLOR|THREAD|PROFIL|CACHE|EXCEPTIONS|CUDA"
)


class _OneFilePerEntry:
    """Stands in for `numba.core.caching.IndexDataCacheFile`, without the index."""

    def __init__(self, folder: Path, name: str, stamp: str) -> None:
        self._folder, self._name, self._stamp = folder, name, stamp

    def _path(self, key: object) -> Path:
        digest = hashlib.sha256(f"{self._stamp} {key!r}".encode()).hexdigest()
        return self._folder / f"{self._name}-{digest[:32]}.nbc"

    def load(self, key: object) -> object | None:
        try:
            content = self._path(key).read_bytes()
        except OSError:
            return None
        digest, data = content[:32], content[32:]
        return pickle.loads(data) if hashlib.sha256(data).digest() == digest else None

    def save(self, key: object, entry: object) -> None:
        data = numba.core.serialize.dumps(entry)
        path = self._path(key)
        partial = path.with_name(f"{path.name}.{uuid.uuid4().hex[:16]}.tmp")
        try:
            partial.write_bytes(hashlib.sha256(data).digest() + data)
            partial.replace(path)
        except OSError:
            partial.unlink(missing_ok=True)
            raise


class _CheckedCache(FunctionCache):
    """Numba's function cache on files that name all their sources and guard their content."""

    def __init__(self, function: Callable, name: str, sources: Sequence[Path]) -> None:
        super().__init__(function)
        stamp = hashlib.sha256()
        for source in sources:
            stamp.update(source.read_bytes())
        versions = f"{sys.version_info[:2]} {numba.__version__} {llvmlite.__version__}"
        determined_by = f"{versions} {_settings()} {stamp.hexdigest()}"
        self._cache_file = _OneFilePerEntry(Path(self.cache_path), name, determined_by)

    def save_overload(self, sig, data):
        # the disk is full, or the folder gone: the code in memory is enough
        with contextlib.suppress(OSError):
            super().save_overload(sig, data)

    def _index_key(self, sig, codegen):
        # Numba hashes a closure's pickled cells, which differ from process to process
        return str(sig), codegen.magic_tuple()


def _settings() -> str:
    """Return the settings of Numba that the machine code may depend on."""
    found = sorted(vars(numba.config).items())
    kinds = (bool, int, float, str, type(None))
    return repr(
        [
            (name, value if isinstance(value, kinds) else str(value))
            for name, value in found
            if name.isupper() and not _NOT_OF_CODE.search(name)
        ]
    )


def compiled(function: Callable, name: str, sources: Sequence[Path]) -> Callable:
    """Return ``function`` compiled without the GIL held, its machine code cached on disk.

    The code is kept where Numba keeps its own: in ``NUMBA_CACHE_DIR`` if that is set, else in
    ``__pycache__`` beside the source if that is writable, else in the user's cache folder; where
    none can be written, it is compiled anew in every process. So it is if a source has been edited
    since this package was imported: the process may hold what the file no longer says.

    Args:
        function: a Python function that calls Numba functions, which become part of its code.
        name: what to call its files and its symbols; two closures of one source file need two
            names. Numba tells their symbols apart by a count that begins anew in every process, so
            that code of two processes, loaded together, could pass for one another.
        sources: paths of all the files whose text determines the code.

    Raises:
        SettingsError: Numba is told not to compile.
    """
    if numba.config.DISABLE_JIT:
        raise SettingsError(
            "the engine sparse is compiled code, and NUMBA_DISABLE_JIT is set: unset it, or set "
            "training.engine to tensorflow"
        )
    function.__qualname__ = f"{function.__qualname__}.{name}"
    dispatcher = numba.njit(nogil=True)(function)
    dispatcher._cache = NullCache()
    with contextlib.suppress(RuntimeError, OSError):  # RuntimeError: no folder is writable
        cache = _CheckedCache(function, name, sources)
        if all(source.stat().st_mtime <= IMPORTED_AT for source in sources):
            dispatcher._cache = cache
    return dispatcher
