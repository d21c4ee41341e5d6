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


#: options of Snakemake that say what a study is, not what to do with it
_OF_THE_STUDY = ("--configfile", "--configfiles", "--config", "-C", "-s", "--snakefile")
_OF_THE_PLACE = ("--directory", "-d", "--profile", "--cores", "-c", "-j", "--jobs")


def data_repair_command(images: Path) -> str:
    """Return the command that prepares the images alone and keeps the networks trained on them.

    Where the images are missing Snakemake takes every network for stale, unless nothing else is
    asked for.
    """
    program, *words = shlex.split(os.environ.get(COMMAND_VARIABLE) or "snakemake --cores all")
    kept, keep = [], False
    for word in words:
        if word.startswith("-"):
            keep = word.partition("=")[0] in (*_OF_THE_STUDY, *_OF_THE_PLACE)
        if keep:
            kept.append(word)
    # the target first: --configfile takes every word behind it
    return shlex.join([program, str(images), "--force", *kept])


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
