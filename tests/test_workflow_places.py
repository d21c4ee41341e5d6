"""Started from anywhere, lying anywhere, imported into another workflow. Real snakemake."""

import re
import subprocess
import sys

import pytest

from tests.workflow import (
    CONFIG,
    REPOSITORY,
    SNAKEMAKE,
    Workflow,
    copy_repository,
    planned,
    said_by,
)

pytestmark = pytest.mark.workflow


def one_run(study: Workflow) -> str:
    """The measures of the smallest run: one training, one measuring job."""
    return str(study.layout.measured(study.run_at(size=16)).relative_to(study.folder))


def test_any_checkout_and_working_folder(tmp_path):
    """With spaces; whatever else lies there: another clone, or a module of a standard name."""
    study = Workflow(tmp_path / "my study", copy_repository(tmp_path / "One Drive" / "p", {}))
    for stray in ("random.py", "numpy.py", "smoothcore/__init__.py", "workflow_scripts/train.py"):
        (study.folder / stray).parent.mkdir(exist_ok=True)
        (study.folder / stray).write_text("raise SystemExit('the working folder is not the code')")
    (study.folder / "workflow_scripts" / "__init__.py").touch()
    assert planned(said_by(study.command(one_run(study)), cwd=study.folder))["train"] == 1
    assert (study.folder / one_run(study)).exists()


#: as docs/elsewhere.md tells it
PAGE = (REPOSITORY / "docs" / "elsewhere.md").read_text(encoding="utf-8")
(MODULE,) = re.findall(r'^```python title="Snakefile"\n(.*?)^```$', PAGE, re.M | re.S)

IMPORTING = f"""
configfile: "own.yaml"

rule hello:
    output: "hello.txt"
    shell: "echo {{config[colour]}} > {{output}}"

{MODULE}
rule both:
    default_target: True
    input: rules.smooth_all.input, rules.hello.output
"""


class Importing:
    """A workflow with a config of its own that imports this one, in a folder of its own."""

    def __init__(self, folder, study: dict | None, repository):
        self.folder = folder
        folder.mkdir()
        snakefile = IMPORTING.replace("path/to/this/Snakefile", str(repository / "Snakefile"))
        (config,) = re.findall(r"config: \{.*\}", snakefile)
        own = "" if study is None else f"config: {study}"
        (folder / "Snakefile").write_text(snakefile.replace(config, own))
        (folder / "own.yaml").write_text("colour: red\n")
        # of the importing workflow: none of this one's business
        (folder / "config.yaml").write_text("anything: else\n")

    def snakemake(self, *arguments, fails=False) -> str:
        return said_by([SNAKEMAKE, "--cores", "2", *arguments], cwd=self.folder, fails=fails)


@pytest.fixture
def importing(finished, tmp_path) -> Importing:
    """The finished small study, of a workflow that imports this one."""
    workflow = Importing(tmp_path / "importing", CONFIG, finished.repository)
    finished.copy_to(tmp_path / "study")
    for name in ("results", ".snakemake"):
        (tmp_path / "study" / name).rename(workflow.folder / name)
    return workflow


def test_as_a_module_with_other_names(importing, finished):
    """What this workflow computed counts; a deleted run is computed again, by renamed rules."""
    assert planned(importing.snakemake("--dry-run")) == {"hello": 1, "both": 1}
    run = finished.run_at(regularizer="GN")
    layout = finished.layout
    lost = [str(of(run).relative_to(finished.folder)) for of in (layout.weights, layout.measured)]
    for path in lost:
        (importing.folder / path).unlink()
    said = importing.snakemake(*lost)
    assert planned(said) == {"smooth_train": 1, "smooth_measure": 1}
    assert "1 run to compute" in said and "1 of 1 run done" in said
    assert (importing.folder / lost[0]).read_bytes() == layout.weights(run).read_bytes()


def test_a_module_refuses_what_the_workflow_refuses(importing, finished):
    data = finished.layout.data("digits").relative_to(finished.folder)
    lost = finished.layout.weights(finished.run_at()).relative_to(finished.folder)
    for path in (data, lost):
        (importing.folder / path).unlink()
    said = importing.snakemake(fails=True)
    assert f"{data} is gone, and 7 finished runs of results/tiny would be trained again" in said
    assert not (importing.folder / lost).exists()


def test_a_module_with_a_wrong_config(tmp_path, finished):
    config = CONFIG | {"network": {"hiden_units": 16}}
    workflow = Importing(tmp_path / "importing", config, finished.repository)
    said = workflow.snakemake("--dry-run", fails=True)
    assert "network.hiden_units: unknown key; did you mean 'hidden_units'?" in said


def test_a_module_without_a_config_is_the_study_of_config_yaml(tmp_path, finished):
    workflow = Importing(tmp_path / "importing", None, finished.repository)
    said = workflow.snakemake("--dry-run", "--config", "colour=blue", "--", "smooth_pair_4_9")
    assert planned(said)["smooth_measure"] == 35
    assert "results/paper/measures/pair=4-9" in said


def test_started_as_a_module_of_python(study):
    """`python -m snakemake`: the command that repairs a file can be typed."""
    record = study.layout.record(study.run_at(regularizer="GN"))
    record.write_bytes(record.read_bytes()[:-20])
    command = [sys.executable, "-m", "snakemake", *study.command("--forcerun", "collect")[1:]]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    found = next(
        line for line in done.stderr.splitlines() if line.startswith("error: ") and "&& " in line
    )
    rest = found.split("&& ")[1]
    assert rest.startswith(f"{sys.executable} -m snakemake --")
    assert "forcerun" not in rest
    repaired = said_by(["bash", "-c", found.split("again:  ")[1]], cwd="/")
    assert planned(repaired) == {"train": 1}
    assert record.exists()
