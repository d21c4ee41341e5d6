"""The project used from elsewhere: installed, from an empty folder, without TensorFlow."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from smoothcore.errors import SettingsError
from smoothcore.jobs import training
from tests.workflow import REPOSITORY, said_by, without_tensorflow


def run(command: list, folder: Path, path: Path) -> str:
    return said_by(command, cwd=folder, env={**os.environ, "PYTHONPATH": str(path)})


@pytest.fixture
def blocked(tmp_path) -> Path:
    """A folder that, in PYTHONPATH, hides TensorFlow."""
    folder = without_tensorflow(tmp_path / "blocked")
    tried = [sys.executable, "-c", "import tensorflow"]
    found = subprocess.run(tried, env={**os.environ, "PYTHONPATH": folder}, capture_output=True)
    assert b"ModuleNotFoundError" in found.stderr
    return folder


@pytest.mark.workflow
def test_a_study_leaves_its_results_and_nothing_else(finished):
    left = {path.name for path in finished.folder.iterdir()}
    assert left == {".snakemake", "results", finished.config_file.name}


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The package as `pip install` puts it, in a folder of its own."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    alone = ["--no-index", "--no-deps"]
    source = folder / "source"
    source.mkdir()
    for part in ("pyproject.toml", "README.md", "LICENSE", "smoothcore", "workflow_scripts"):
        (source / part).symlink_to(REPOSITORY / part)
    build = [*pip, "wheel", *alone, "--no-build-isolation", "--wheel-dir", folder, source]
    subprocess.run(list(map(str, build)), check=True, capture_output=True, timeout=300)
    (wheel,) = folder.glob("*.whl")
    install = [*pip, "install", *alone, "--target", folder / "site", wheel]
    subprocess.run(list(map(str, install)), check=True, capture_output=True, timeout=300)
    return folder / "site"


def test_the_installed_command_helps(installed, tmp_path):
    program = installed / "bin" / "smoothcore"
    listed = run([program], tmp_path, installed)
    for command in ("status", "tables", "check-runs", "publish"):
        assert command in listed
        said = run([program, command, "--help"], tmp_path, installed)
        assert f"usage: smoothcore {command}" in said and "--folder" in said


def test_the_installed_command_says_what_is_wrong(installed, tmp_path):
    program = str(installed / "bin" / "smoothcore")
    for arguments, code, message in (
        (["stauts"], 2, "error: no command is called 'stauts'"),
        (["status", "--folder", "results/none"], 1, "error: results/none"),
    ):
        done = subprocess.run(
            [program, *arguments], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(installed)},
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == code
        assert done.stderr.startswith(message), done.stderr


def test_the_installed_library_measures_without_tensorflow(installed, blocked, tmp_path):
    (blocked / "measured.py").write_text("""
import numpy as np
import smoothcore
from smoothcore.measures import draw_evaluation_points, measure
from smoothcore.network.two_layer import TwoLayerNetwork

network = TwoLayerNetwork(np.eye(2), np.zeros(2), np.array([3.0, 4.0]), 0.0)
points = draw_evaluation_points(np.ones((1, 2)), 1, np.random.default_rng(0))
(gn, _) = measure(network, points, names=["GN"])
print(smoothcore.__file__, gn.value)
""")
    path = Path(f"{blocked}{os.pathsep}{installed}")
    file, value = run([sys.executable, blocked / "measured.py"], tmp_path, path).split()
    assert Path(file).is_relative_to(installed)
    assert float(value) == 5.0


def test_types_and_pages_are_installed(installed):
    assert (installed / "smoothcore" / "py.typed").exists()
    for name in ("page.html", "style.css", "script.js"):
        assert (installed / "smoothcore" / "results" / "report" / name).exists()


def test_an_engine_that_is_not_installed(monkeypatch):
    def missing(name):
        raise training.PackageNotFoundError(name)

    monkeypatch.setattr(training, "version", missing)
    with pytest.raises(SettingsError, match=r"tensorflow is not installed.*training\.engine"):
        training._versions("tensorflow")
