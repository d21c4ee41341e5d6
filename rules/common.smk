# What all rules share: the study of the config, its runs, and where their files lie.

import sys
from hashlib import sha256
from pathlib import Path

from snakemake.exceptions import WorkflowError

# the library lies beside the Snakefile, wherever snakemake is started from or this is imported to
HERE = Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).parent
if not HERE.is_dir():
    raise WorkflowError(
        f"{HERE} is no folder here: clone the workflow, and name its Snakefile by path"
    )
sys.path.insert(0, str(HERE))

from smoothcore.engines import ENGINES
from smoothcore.errors import SmoothcoreError
from smoothcore.jobs.settings import DataSettings
from smoothcore.measures import all_measures
from smoothcore.regularizers import all_regularizers
from smoothcore.results import COLLECTED, FIGURES, FORMATS, TABLES, result_files
from smoothcore.workflow import costs
from smoothcore.workflow.collecting import digest_of_present_runs, missing_in_words
from smoothcore.workflow.command_line import to_settings
from smoothcore.workflow.fingerprint import fingerprint
from smoothcore.workflow.start import open_session, shell_prefix

try:
    SESSION = open_session(workflow, config, HERE)
except SmoothcoreError as error:
    raise WorkflowError(str(error)) from None

STUDY, STUDY_FOLDER = SESSION.study, SESSION.folder
LAYOUT, RUNS = SESSION.layout, SESSION.runs
SCRIPTS = HERE / "workflow_scripts"

# --sdm gives jobs an environment or a container with an interpreter of its own
shell.prefix(
    shell_prefix(
        shell._process_prefix,
        HERE,
        own_python=not workflow.deployment_settings.deployment_method,
    )
)


wildcard_constraints:
    **SESSION.spellings,
    folder=rf"{STUDY_FOLDER}(/partial)?",


# what they say of themselves is in tables and figures: names, order, colours, lower bounds
DESCRIPTIONS = sha256(repr([all_measures(), all_regularizers()]).encode()).hexdigest()
PAGE = [
    HERE / f"smoothcore/results/report/{name}"
    for name in ("page.html", "style.css", "script.js")
]


def figure1_of(wildcards):
    """Figure 1 of a whole study; a partial one trains nothing, and shows it if it is there."""
    return f"{STUDY_FOLDER}/figure1.svg" if wildcards.folder == STUDY_FOLDER else []


def results_of(folder):
    """The files that answer the question, in one folder."""
    partial = folder != STUDY_FOLDER
    return [f"{folder}/{name}" for name in result_files(partial=partial)]
