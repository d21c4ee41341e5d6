"""Where the results come from: code, tables, libraries."""

import contextlib
import json
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pandas as pd

from smoothcore.files.storage import sha256_of
from smoothcore.results import COLLECTED

_LIBRARIES = ("numpy", "numba", "scipy", "pandas", "pyarrow", "matplotlib", "snakemake")


def git_commit(folder: Path) -> str:
    """Return the commit of the repository at ``folder``, with ``, modified`` where files differ.

    Published results are no part of what made them.
    """

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=20,
            env=os.environ | {"LC_ALL": "C"},
        ).stdout.strip()  # fmt: skip

    try:
        if Path(git("rev-parse", "--show-toplevel")).resolve() != folder.resolve():
            return "not in a git repository"
        modified = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!results")
        return git("rev-parse", "HEAD") + (", modified" if modified else "")
    except subprocess.CalledProcessError as error:
        known = "not a git repository" in error.stderr
        return "not in a git repository" if known else "unknown: git refuses to say"
    except (OSError, subprocess.SubprocessError):
        return "unknown: git is not there"


def made_from(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of the tables of all runs that the numbers of this page come from."""
    return {name: sha256_of(folder / name) for name in COLLECTED[:2]}


def libraries() -> dict[str, str]:
    """Return the versions that made this page."""
    found = {"Python": platform.python_version()}
    for name in _LIBRARIES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def listed(versions: str) -> str:
    """Return what the table of runs says of versions as a person reads it."""
    return ", ".join(f"{name} {number}" for name, number in json.loads(versions).items())


def training_libraries(runs: pd.DataFrame) -> list[tuple[str, int]]:
    """Return the versions that the runs were trained with, and how many runs each."""
    counts = runs.groupby(["engine", "versions"]).size()
    return [(f"{engine}: {listed(versions)}", int(n)) for (engine, versions), n in counts.items()]
