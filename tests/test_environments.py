"""environment.yml and the container recipes hold what the lock holds."""

import os
import re
import runpy
import sys
from pathlib import Path

import pytest
import yaml

from tests.workflow import said_by

ROOT = Path(__file__).parent.parent
LOCK = (ROOT / "requirements/runtime.txt").read_text(encoding="utf-8")
MAKER = runpy.run_path(str(ROOT / "requirements/make_environment.py"))
RECIPES = ("containers/Dockerfile", "containers/smoothcore.def")


@pytest.fixture(scope="module")
def environment():
    return yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def pinned(environment):
    (pip,) = (entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    return dict(pin.split("==") for pin in pip)


def test_environment_file_is_what_the_lock_makes():
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    assert text == MAKER["environment"](LOCK), "run `make lock`"


def test_every_direct_requirement_is_pinned_to_a_version_of_the_lock(pinned):
    direct = re.findall(r"^[a-z][\w-]*", (ROOT / "requirements/runtime.in").read_text(), re.M)
    assert {"numpy", "snakemake", "tensorflow"} < set(direct) <= set(pinned)
    for name, version in pinned.items():
        assert re.search(rf"^{name}=={re.escape(version)}[ ;]", LOCK, re.M), name


def test_environment_takes_what_its_python_gets_and_nothing_of_other_systems(environment, pinned):
    assert environment["dependencies"][:2] == ["python=3.11", "pip"]
    assert "colorama" not in pinned, "only Windows needs it"
    numpy_of_311 = re.search(r"^numpy==(\S+) ; python_full_version < '3.12'", LOCK, re.M)
    assert pinned["numpy"] == numpy_of_311[1]


@pytest.mark.parametrize("recipe", RECIPES)
def test_containers_install_the_lock_with_its_hashes(recipe):
    text = (ROOT / recipe).read_text(encoding="utf-8")
    assert "python:3.11-slim" in text
    (copied,) = re.findall(r"requirements/runtime\.txt (\S+)$", text, re.M)
    assert f"pip install --no-cache-dir --require-hashes -r {copied}\n" in text


def test_the_image_the_workflow_names_is_the_one_the_recipe_builds():
    text = (ROOT / "Snakefile").read_text(encoding="utf-8")
    (image,) = re.findall(r'container: f"{HERE}/(.+)"$', text, re.M)
    recipe = (ROOT / "containers/smoothcore.def").read_text(encoding="utf-8")
    assert f"apptainer build {image} containers/smoothcore.def" in recipe


def test_docker_sees_nothing_but_the_lock():
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert lines == ["*", "!requirements/runtime.txt"]


@pytest.fixture
def other_python(tmp_path):
    """A folder with a stand-in for apptainer, and a `python` that says it was called."""
    programs = tmp_path / "bin"
    programs.mkdir()
    python = f'#!/bin/sh\ntouch {tmp_path}/other-python\nexec {sys.executable} "$@"\n'
    apptainer = (
        f'#!/bin/bash\n[ "$1" = --version ] && exec echo "apptainer version 1.3.0"\n'
        f'echo "$@" >> {tmp_path}/containers\n'
        f'while [ "$1" != bash ]; do shift; done\nexec "$@"\n'
    )
    for name, text in {"python": python, "apptainer": apptainer, "singularity": apptainer}.items():
        (programs / name).write_text(text, encoding="utf-8")
        (programs / name).chmod(0o755)
    return programs


def run_one_job(folder, programs, *options):
    command = [
        sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", folder,
        "--configfile", ROOT / "config/demo.yaml", "--cores", "1", *options,
        "--", "results/demo/grid.parquet",
    ]  # fmt: skip
    said_by(command, env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}, cwd=folder)
    assert (folder / "results/demo/grid.parquet").exists()


@pytest.mark.workflow
def test_in_a_container_jobs_use_the_python_of_the_container(tmp_path, other_python):
    run_one_job(tmp_path, other_python, "--sdm", "apptainer")
    assert (tmp_path / "other-python").exists()
    assert f"{ROOT}/containers/smoothcore.sif bash" in (tmp_path / "containers").read_text()


@pytest.mark.workflow
def test_without_containers_jobs_use_the_python_of_snakemake(tmp_path, other_python):
    run_one_job(tmp_path, other_python)
    assert not (tmp_path / "other-python").exists()
    assert not (tmp_path / "containers").exists()
