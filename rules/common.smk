# What all rules share: the study of the config, where its files lie, how its code is fingerprinted.

import os
import shlex
import shutil
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

# the library lies beside the Snakefile, wherever snakemake is started from
sys.path.insert(0, workflow.basedir)

from smoothcore.study import config as study_config
from smoothcore.workflow import costs
from smoothcore.workflow.collecting import missing_cells, present_cells
from smoothcore.engines import ENGINES
from smoothcore.errors import ConfigError, StorageError
from smoothcore import registry
from smoothcore.datasets import module_of
from smoothcore.training.determining import determining_modules
from smoothcore.workflow.fingerprint import (
    descriptions,
    digest_of_files,
    fingerprint,
)
from smoothcore.study.grid import all_runs
from smoothcore.files.paths import Layout
from smoothcore.training.recipe import Recipe
from smoothcore.regularizers import NONE, all_regularizers
from smoothcore.files.repair import COMMAND_VARIABLE, data_repair_command
from smoothcore.study.run import Run
from smoothcore.workflow.progress import CellProgress, Job

try:
    study_config.check_files(workflow.configfiles)
    STUDY = study_config.load_study(config)
except ConfigError as error:
    raise WorkflowError(str(error)) from None

STUDY_FOLDER = f"results/{STUDY.name}"
LAYOUT = Layout(Path(STUDY_FOLDER))
RUNS = all_runs(STUDY)
SCRIPTS = Path(workflow.basedir) / "workflow_scripts"


def command_typed():
    """What was typed to start the workflow, for messages that tell how to repair a file."""
    # a job on a cluster: its submitter has handed the command down
    if "--mode" in sys.argv:
        return os.environ.get(COMMAND_VARIABLE, "")
    program, *options = sys.argv
    if program == shutil.which(Path(program).name):
        program = Path(program).name
    forced = ("-f", "--force", "-F", "--forceall")
    return shlex.join([program, *(word for word in options if word not in forced)])


os.environ[COMMAND_VARIABLE] = command_typed()

# jobs use this library, wherever they start, and this interpreter, whatever is first in PATH,
# unless --sdm gives them an environment or a container with an interpreter of its own
OWN_PYTHON = (
    ""
    if workflow.deployment_settings.deployment_method
    else f'PATH={str(Path(sys.executable).parent)!r}:"$PATH" '
)
shell.prefix(
    f"set -euo pipefail; export {OWN_PYTHON}PYTHONPATH={shlex.quote(str(workflow.basedir))}; "
)


wildcard_constraints:
    **{"lambda": r"[0-9.e-]+"},
    pair=r"\d-\d",
    size=r"\d+",
    seed=r"\d+",
    regularizer=r"[A-Za-z-]+",
    learning_rate=r"[0-9.e-]+",
    folder=rf"{STUDY_FOLDER}(/partial)?",


# the page's layout is no Python, so no fingerprint covers it
PAGE_DIGEST = digest_of_files(
    Path(workflow.basedir) / "smoothcore" / "results" / "report" / name
    for name in ("page.html", "style.css", "script.js")
)


def figure1_of(wildcards):
    """Figure 1 of a whole study; a partial one trains nothing, and shows it if it is there."""
    return f"{STUDY_FOLDER}/figure1.svg" if wildcards.folder == STUDY_FOLDER else []


def results_of(folder):
    """The files that answer the question, in one folder."""
    names = [
        "runs.parquet",
        "measures.parquet",
        "table1.csv",
        "table2.csv",
        "kendall_tau.csv",
    ]
    figures = (
        ["figure2"] if folder == f"{STUDY_FOLDER}/partial" else ["figure1", "figure2"]
    )
    names += [
        f"{figure}.{kind}" for figure in figures for kind in ("svg", "png", "pdf")
    ]
    return [f"{folder}/{name}" for name in [*names, "report.html"]]


def check_results_writable():
    """Refuse to start where nothing can be written: the first job would end in a traceback."""
    from smoothcore.files.storage import check_writable

    try:
        check_writable(LAYOUT.root)
    except StorageError as error:
        raise WorkflowError(str(error)) from None


def check_images_there():
    """Refuse to train all networks again only because the images were deleted."""
    images, weights = LAYOUT.data(STUDY.dataset), LAYOUT.root / "weights"
    if "--until=prepare_data" in sys.argv or images.exists() or "--mode" in sys.argv:
        return
    if any(weights.rglob("*.npz")):
        raise WorkflowError(
            f"{images} is gone, and Snakemake would train every network of {LAYOUT.root} again. "
            f"Prepare the images alone, to keep the networks:  {data_repair_command()}  "
            f"To train all again, delete {weights}"
        )


def files_of_cells():
    """The files of every cell, and the table that lists the cells."""
    kinds = (LAYOUT.weights, LAYOUT.record, LAYOUT.curve, LAYOUT.measured)
    return [LAYOUT.grid, *(path_of(run) for run in RUNS for path_of in kinds)]


def run_of(wildcards):
    """The run that a cell's wildcards name."""
    return Run(
        pair=wildcards.pair,
        size=int(wildcards.size),
        seed=int(wildcards.seed),
        regularizer=wildcards.regularizer,
        lambda_=float(wildcards["lambda"]),
        learning_rate=float(wildcards.learning_rate),
    )


def expected_seconds(wildcards):
    """What is expected to take longest goes first, and a trained network is measured soon."""
    return costs.expected_seconds(run_of(wildcards), STUDY)


def cost_class(wildcards):
    """Cells of one class share an allocation on a cluster, as many as the profile says."""
    return costs.cost_class(run_of(wildcards), STUDY)


def training_minutes(wildcards, attempt):
    """The time limit that a training job asks a cluster for."""
    return costs.training_minutes(run_of(wildcards), STUDY, attempt)


def training_memory_mb(wildcards, attempt):
    """The memory that a training job asks a cluster for."""
    return costs.training_memory_mb(STUDY, attempt)


def jobs_to_run():
    """The jobs Snakemake has decided on, with their expected cost, for the progress line."""
    for job in workflow.dag.needrun_jobs():
        run = run_of(job.wildcards) if job.rule.name in ("train", "measure") else None
        trains = job.rule.name == "train"
        seconds = (
            costs.expected_seconds(run, STUDY) if trains else costs.MEASURE_SECONDS
        )
        yield Job(job.jobid, job.rule.name, str(run) if run else None, seconds)


# the submitted part of a job on a cluster has nothing to say about the whole
if "--mode" not in sys.argv:
    logger.addHandler(CellProgress(jobs_to_run, dry_run=lambda: workflow.dryrun))


DESCRIPTIONS = descriptions(["smoothcore.measures", "smoothcore.regularizers"])


def training_code(wildcards):
    """The fingerprint of the code that determines a run: a new regularizer changes no other's."""
    engine = STUDY.training.engine
    modules = determining_modules(wildcards.regularizer, engine, STUDY.dataset)
    return fingerprint(SCRIPTS / "train.py", extra_modules=modules)


def recipe(wildcards):
    """The settings of the config that this run's result depends on, as one string."""
    regularizer = wildcards.regularizer
    on_grid = regularizer != NONE and all_regularizers()[regularizer].on_grid
    return Recipe(
        dataset=STUDY.dataset,
        hidden_units=STUDY.network.hidden_units,
        alpha=STUDY.network.alpha,
        grid_points=STUDY.optimality.grid_points if on_grid else None,
        **vars(STUDY.training),
    ).to_json()


def cells_present(wildcards):
    """What is there now, so that a partial table is made anew when that changes."""
    return present_cells(LAYOUT, RUNS)


def cells_missing(wildcards):
    """How many cells a partial table leaves out, in words."""
    return missing_cells(LAYOUT, RUNS)
