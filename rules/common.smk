# What all rules share: the study of the config, its runs, and where their files lie.

import os
import sys
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake.utils import update_config

# the library lies beside the Snakefile, wherever snakemake is started from or this is imported to
HERE = Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).parent
sys.path.insert(0, str(HERE))

from smoothcore.datasets import module_of
from smoothcore.engines import ENGINES
from smoothcore.errors import ConfigError, SmoothcoreError
from smoothcore.files.repair import COMMAND_VARIABLE
from smoothcore.files.storage import check_writable
from smoothcore.jobs.settings import DataSettings
from smoothcore.results import FIGURES, FORMATS, TABLES, result_files
from smoothcore.study.config import check_files, load_study
from smoothcore.workflow import costs
from smoothcore.workflow.collecting import missing_runs, present_runs
from smoothcore.workflow.command_line import to_settings
from smoothcore.workflow.fingerprint import descriptions, digest_of_files, fingerprint
from smoothcore.workflow.progress import RunProgress
from smoothcore.workflow.session import Session, command_typed, shell_prefix

if workflow.modifier.skip_configfile:
    # imported as a module with a config of its own: it says what differs from config.yaml
    given = yaml.safe_load((HERE / "config.yaml").read_text(encoding="utf-8"))
    update_config(given, config)
    layers = [HERE / "config.yaml"], config, "the config of the module"
else:
    given = config
    overlays = (
        workflow.overwrite_configfiles
    )  # Snakemake lists them first, merges them last
    files = [*workflow.configfiles[len(overlays) :], *overlays]
    layers = files, workflow.config_settings.config, "--config"

try:
    check_files(*layers)
    STUDY = load_study(given)
except ConfigError as error:
    raise WorkflowError(str(error)) from None

SESSION = Session(STUDY)
if "--mode" not in sys.argv:
    SESSION.restore_published(logger.info)
STUDY_FOLDER = SESSION.folder
LAYOUT, RUNS = SESSION.layout, SESSION.runs
SCRIPTS = HERE / "workflow_scripts"

os.environ[COMMAND_VARIABLE] = command_typed(sys.argv)
# --sdm gives jobs an environment or a container with an interpreter of its own
shell.prefix(
    shell_prefix(HERE, own_python=not workflow.deployment_settings.deployment_method)
)

# the submitted part of a job on a cluster has nothing to say about the whole
if "--mode" not in sys.argv:
    logger.addHandler(
        RunProgress(lambda: SESSION.jobs(workflow.dag), dry_run=lambda: workflow.dryrun)
    )


wildcard_constraints:
    **{"lambda": r"[0-9.e+-]+"},
    pair=r"\d-\d",
    size=r"\d+",
    seed=r"\d+",
    regularizer=r"[A-Za-z0-9-]+",
    learning_rate=r"[0-9.e+-]+",
    folder=rf"{STUDY_FOLDER}(/partial)?",


def cost_class(wildcards):
    """Runs of one class share an allocation on a cluster, as many as the profile says."""
    return costs.cost_class(SESSION.run(wildcards), STUDY)


def training_minutes(wildcards, attempt):
    """The time limit that a training job asks a cluster for."""
    return costs.training_minutes(SESSION.run(wildcards), STUDY, attempt)


def training_memory_mb(wildcards, attempt):
    """The memory that a training job asks a cluster for."""
    return costs.training_memory_mb(STUDY, attempt)


def check_start():
    """Refuse to start where nothing can be written, or finished runs would be trained again."""
    try:
        check_writable(LAYOUT.root)
        SESSION.check_images(workflow.dag)
    except SmoothcoreError as error:
        raise WorkflowError(str(error)) from None


DESCRIPTIONS = descriptions(["smoothcore.measures", "smoothcore.regularizers"])

# the page's layout is no Python, so no fingerprint covers it
PAGE_DIGEST = digest_of_files(
    HERE / "smoothcore" / "results" / "report" / name
    for name in ("page.html", "style.css", "script.js")
)


def figure1_of(wildcards):
    """Figure 1 of a whole study; a partial one trains nothing, and shows it if it is there."""
    return f"{STUDY_FOLDER}/figure1.svg" if wildcards.folder == STUDY_FOLDER else []


def results_of(folder):
    """The files that answer the question, in one folder."""
    partial = folder != STUDY_FOLDER
    return [f"{folder}/{name}" for name in result_files(partial=partial)]
