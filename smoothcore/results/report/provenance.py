"""Where the results come from: configuration, code, libraries; what differs from the paper."""

import json
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smoothcore.results import COLLECTED
from smoothcore.results.paper import N_PAIRS, PAPER_TABLE2

if TYPE_CHECKING:
    import pandas as pd

_LIBRARIES = ("numpy", "numba", "scipy", "pandas", "pyarrow", "matplotlib", "snakemake")

_PENALTIES = "optimality.regularizers."

#: what the paper states of its study (§3.2, §4), under the keys of the configuration
PAPER_STUDY = {
    "dataset": "mnist",
    "number of pairs": N_PAIRS,
    "network.hidden_units": 256,
    "network.alpha": 0.01,
    "training.batch_size": 64,
    "training.epsilon": 1e-5,
    "monotonicity.sizes": [64, 128, 256, 512, 1024, 2048, 4096, 8192],
    "monotonicity.number of seeds": 3,
    "monotonicity.learning_rate": 0.01,
    "optimality.size": 10_000,
    "optimality.number of seeds": 1,
    "optimality.grid_points": 10,
    "measures.n_samples": 1000,
    "measures.grid_points": 100,
    **{f"{_PENALTIES}{name}.learning_rate": of.learning_rate for name, of in PAPER_TABLE2.items()},
}


def flattened(study: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the values of a nested configuration under dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in study.items():
        if isinstance(value, dict):
            flat |= flattened(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def differences(study: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """Return where a study differs from the paper's: key, its value, the paper's value.

    λ, the cap on the epochs and the engine are not compared: the paper gives no full list of λ. Nor
    is a penalty that a study does without.
    """
    flat = flattened(study)
    flat["number of pairs"] = len(flat.get("pairs", []))
    for experiment in ("monotonicity", "optimality"):
        flat[f"{experiment}.number of seeds"] = len(flat.get(f"{experiment}.seeds", []))
        if study.get(experiment) is None:
            flat |= {key: "off" for key in PAPER_STUDY if key.startswith(experiment)}
    stated = {k: v for k, v in PAPER_STUDY.items() if k in flat or not k.startswith(_PENALTIES)}
    found = [(key, flat.get(key), paper) for key, paper in stated.items()]
    return [row for row in found if row[1] != row[2]]


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
    # the tables in a terminal need this module without the project's environment
    from smoothcore.files.storage import sha256_of

    return {name: sha256_of(folder / name) for name in COLLECTED[:2]}


def libraries() -> dict[str, str]:
    """Return the versions that made this page."""
    found = {"Python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def listed(versions: str) -> str:
    """Return what the table of runs says of versions as a person reads it."""
    return ", ".join(f"{name} {number}" for name, number in json.loads(versions).items())


def training_libraries(runs: "pd.DataFrame") -> list[tuple[str, int]]:
    """Return the versions that the runs were trained with, and how many runs each."""
    counts = runs.groupby(["engine", "versions"]).size()
    return [(f"{engine}: {listed(versions)}", int(n)) for (engine, versions), n in counts.items()]
