"""The on-disk cache of compiled code, on a function small enough to compile often."""

import importlib.util
import os
import sys

import numba
import pytest

from smoothcore.engines.sparse import compiled as compiling

SOURCE = """
import numba

@numba.njit
def helper(x):
    return x + {constant}

def make():
    def function(x):
        return 2 * helper(x)
    return function
"""


@pytest.fixture
def source(tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setitem(sys.modules, "kernel", None)  # undone after the test
    # the tests edit sources and import them again, as new processes do
    monkeypatch.setattr(compiling, "IMPORTED_AT", float("inf"))
    path = tmp_path / "kernel.py"
    path.write_text(SOURCE.format(constant=1))
    return path


def load(source, other=None):
    """Return the compiled function of a fresh import, as a new process would have it."""
    spec = importlib.util.spec_from_file_location("kernel", source)
    module = importlib.util.module_from_spec(spec)
    sys.modules["kernel"] = module  # where Numba looks for the globals of cached code
    spec.loader.exec_module(module)
    return compiling.compiled(module.make(), "kernel", [source] + ([other] if other else []))


def call(source, other=None):
    """Return the function's value at 10 and whether its code came from the disk."""
    function = load(source, other)
    value = function(10)
    return value, sum(function.stats.cache_hits.values()) == 1


def entries(tmp_path):
    return sorted((tmp_path / "cache").rglob("*.nbc"))


def test_code_is_compiled_once(source, tmp_path):
    assert call(source) == (22, False)
    assert call(source) == (22, True)
    assert len(entries(tmp_path)) == 1


def test_code_of_other_settings_is_not_used(source, tmp_path, monkeypatch):
    """Numba's settings change the bits; the cache of one setting must not serve another."""
    assert call(source) == (22, False)
    monkeypatch.setattr(numba.config, "LOOP_VECTORIZE", 0)
    assert call(source) == (22, False)
    assert len(entries(tmp_path)) == 2


def test_a_changed_source_is_compiled_anew(source):
    other = source.with_name("helper.py")
    other.write_text("first")
    assert call(source, other) == (22, False)
    other.write_text("second")
    assert call(source, other) == (22, False)
    source.write_text(SOURCE.format(constant=500))
    assert call(source, other) == (1020, False)
    source.write_text(SOURCE.format(constant=1))
    assert call(source, other) == (22, True)


def test_code_of_a_source_edited_since_it_was_imported_is_not_kept(source, tmp_path, monkeypatch):
    """Under the name of the new text, a later process would take it for that text's code."""
    monkeypatch.setattr(compiling, "IMPORTED_AT", source.stat().st_mtime)
    function = load(source)
    assert (function(10), len(entries(tmp_path))) == (22, 1)
    edited_at = source.stat().st_mtime + 1
    source.write_text(SOURCE.format(constant=500))
    os.utime(source, (edited_at, edited_at))
    module = sys.modules["kernel"]  # the old text
    assert compiling.compiled(module.make(), "kernel", [source])(10) == 22
    assert len(entries(tmp_path)) == 1
    monkeypatch.setattr(compiling, "IMPORTED_AT", edited_at)
    assert call(source) == (1020, False)


@pytest.mark.parametrize("kept", [0, 10, 32, 1000, -1])
def test_a_truncated_file_is_replaced(source, tmp_path, kept):
    call(source)
    (entry,) = entries(tmp_path)
    entry.write_bytes(entry.read_bytes()[:kept])
    assert call(source) == (22, False)
    assert call(source) == (22, True)


@pytest.mark.parametrize("position", [0, 40, 0.5, -1])
def test_an_altered_file_is_replaced(source, tmp_path, position):
    call(source)
    (entry,) = entries(tmp_path)
    content = bytearray(entry.read_bytes())
    content[int(position * len(content)) if position == 0.5 else position] ^= 0x10
    entry.write_bytes(content)
    assert call(source) == (22, False)
    assert call(source) == (22, True)


def test_a_file_that_cannot_be_written_is_done_without(source, tmp_path):
    function = load(source)
    cache = tmp_path / "cache"
    for folder in cache.iterdir():
        folder.rmdir()
        folder.write_text("not a folder")  # fails for root too
    assert function(10) == 22
