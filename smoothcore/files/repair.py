"""How a damaged or missing file is made again: the command to type, for the study at hand."""

import contextlib
import os
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

from smoothcore.errors import DamagedFileError, StorageError

#: the environment variable in which a workflow tells its jobs how it was started on which study
COMMAND_VARIABLE = "SMOOTHCORE_WORKFLOW_COMMAND"

_RESULTS = "results"


def repair_command(path: Path, *, force: bool = False) -> str:
    """Return the command that makes one file of a study, and what it needs, and nothing else.

    Args:
        path: the file, below ``results/``.
        force: make it although it is there. The images are always made so: where they are missing
            Snakemake takes every network for stale, unless nothing else is asked for.
    """
    words = shlex.split(os.environ.get(COMMAND_VARIABLE) or "snakemake --cores all")
    parts = Path(path).parts
    if _RESULTS in parts:  # a target begins there, whatever folder the file was read from
        at = len(parts) - 1 - parts[::-1].index(_RESULTS)
        folder, path = Path(*parts[:at]).absolute(), Path(*parts[at:])
        if not os.environ.get(COMMAND_VARIABLE) and folder != Path.cwd():
            words += ["--directory", str(folder)]
    # behind --, since --configfile takes every word that follows it
    words += ["--force"] * force + ["--", str(path)]
    return shlex.join(words)


def repair_hint(path: Path) -> str:
    """Return how to make a missing or damaged file again: a sentence, two spaces, the command."""
    command = repair_command(path)
    if not os.environ.get(COMMAND_VARIABLE):
        command += "  (before the --: the --configfile of its study, if it has one)"
    if not Path(path).exists():
        return f"Make it:  {command}"
    remove = f"rm {shlex.quote(str(Path(path).absolute()))}"
    return f"Delete it and make it again:  {remove} && {command}"


@contextlib.contextmanager
def reading(
    path: Path, *damage: type[Exception], hint: Callable[[Path], str] = repair_hint
) -> Iterator[None]:
    """Turn what reading raises into an error that says how to make the file again.

    ``damage`` is what a damaged file raises.
    """
    try:
        yield
    except FileNotFoundError:
        raise DamagedFileError(f"{path} does not exist. {hint(path)}") from None
    except PermissionError:
        raise StorageError(
            f"{path} cannot be read: permission denied. Make it readable, then run the same "
            "command again."
        ) from None
    except damage as error:
        kind, said = type(error).__name__, (str(error).splitlines() or [""])[0]
        reason = f"{kind}: {said}" if said else kind
        raise DamagedFileError(f"{path} is damaged ({reason}). {hint(path)}") from error
