"""How a damaged or missing file is made anew: the command to type, as the user would type it."""

import os
import shlex
from pathlib import Path

#: the environment variable in which a workflow tells its jobs how it was started
COMMAND_VARIABLE = "SMOOTHCORE_WORKFLOW_COMMAND"


def workflow_command(*options: str) -> str:
    """Return the command that started the workflow, with more options."""
    program, *rest = shlex.split(os.environ.get(COMMAND_VARIABLE) or "snakemake --cores all")
    return shlex.join([program, *options, *rest])


def data_repair_command() -> str:
    """Return the command that prepares the images anew and keeps the networks trained on them.

    In two steps: Snakemake takes every network for stale where the images are missing, and looks at
    nothing else where they are made anew in the same run.
    """
    alone = workflow_command("--until=prepare_data", "--forcerun=prepare_data")
    return f"{alone} && {workflow_command()}"


def repair_hint(path: Path) -> str:
    """Return how to make a missing or damaged file anew: a sentence, two spaces, the command."""
    command = workflow_command()
    if not os.environ.get(COMMAND_VARIABLE):
        command += "  (with the --configfile of its study, if it has one)"
    path = Path(path).absolute()
    if not path.exists():
        return f"Run snakemake to make it:  {command}"
    remove = f"rm {shlex.quote(str(path))}"
    return f"Delete it and run snakemake again to make it anew:  {remove} && {command}"
