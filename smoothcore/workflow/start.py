"""One start of Snakemake: which study it is on, what is refused, what is said."""

import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from snakemake.cli import get_argument_parser
from snakemake.logging import logger

from smoothcore.errors import ConfigError, SmoothcoreError
from smoothcore.files.repair import COMMAND_VARIABLE
from smoothcore.files.storage import check_writable
from smoothcore.study.config import Study, check_files, load_study, merged
from smoothcore.workflow.messages import Messages, interrupts
from smoothcore.workflow.plan import Plan
from smoothcore.workflow.progress import RunProgress
from smoothcore.workflow.session import Session

#: options of Snakemake that say what a study is and where it is computed, not what to compute
_OF_THE_STUDY = (
    "snakefile", "directory", "profile", "workflow_profile", "software_deployment_method", "cores",
    "jobs", "configfile", "config",
)  # fmt: skip

#: a job that Snakemake runs in a process of its own, and starts that compute nothing
_ONLY_ASKS = {"--mode", "--lint", "--unlock", "--list-rules", "--list-target-rules"}

#: jobs a second that Snakemake starts where nobody asks for another number
_DEFAULT_LIMIT = "100/1s"


def open_session(workflow: Any, config: Mapping[str, Any], here: Path) -> Session:
    """Return the session of a Snakefile, of its own or imported into another as a module.

    Args:
        workflow: Snakemake's.
        config: what Snakemake has merged from the configuration files; of a module, its config.
        here: the folder of the Snakefile.

    Raises:
        SmoothcoreError: the configuration is not valid, or a published table is damaged.
    """
    if bad := sorted(set(str(here)) & {os.pathsep, "{", "}"}):
        raise ConfigError(
            f"{here}: the folder of the workflow must not have {' or '.join(bad)} in its path, "
            "where jobs would not find its library. Move it"
        )
    session = Session(_study_of(workflow, config, here))
    if _ONLY_ASKS.intersection(sys.argv):
        return session
    session.restore_published(logger.info)

    plan = Plan(session, workflow)

    def check() -> None:
        os.environ[COMMAND_VARIABLE] = command_typed(sys.argv, executes=not workflow.dryrun)
        if workflow.dryrun or workflow.touch:
            return
        check_writable(session.layout.root)
        if said := plan.refusal():
            raise SmoothcoreError(said)

    interrupts.listen()
    progress = RunProgress(
        plan.jobs,
        changes=plan.changes,
        refusal=plan.refusal,
        dry_run=lambda: workflow.dryrun,
        submits=lambda: workflow.non_local_exec,
        interrupted=lambda: interrupts.count > 0,
        afterwards=session.search_message,
    )

    def before_planning() -> None:
        lift_default_limit(workflow.scheduling_settings)
        plan.force_stale_tables()

    before = {
        "Building DAG": before_planning,
        "run_info": check,
        "Creating report": plan.check_report,
    }
    _attach(Messages(before, session.layout.root, progress))
    return session


def lift_default_limit(settings: Any) -> None:
    """Let jobs start without a limit per second, unless somebody asked for one.

    With a limit Snakemake looks at all ready jobs once a second, and once more for each job that
    has ended. On the paper's grid, after 250 jobs, that took a sixth of a core, and others waited.
    ``settings`` are Snakemake's; None where it executes nothing (`--report`).
    """
    limit = settings and settings.max_jobs_per_timespan
    if limit and f"{limit.max_jobs}/{limit.timespan:g}s" == _DEFAULT_LIMIT:
        settings.max_jobs_per_timespan = None


def _attach(messages: Messages) -> None:
    """Let them see what Snakemake says, in place of earlier ones on the same study.

    A module is read again for each `use rule` statement.
    """
    for earlier in [found for found in logger.filters if isinstance(found, Messages)]:
        if earlier.place == messages.place:
            logger.removeFilter(earlier)
            logger.removeHandler(earlier.progress)
    logger.addFilter(messages)
    logger.addHandler(messages.progress)


def _study_of(workflow: Any, config: Mapping[str, Any], here: Path) -> Study:
    if workflow.modifier.is_main_snakefile():
        overlays = workflow.overwrite_configfiles
        options = [word.partition("=")[0] for word in sys.argv]
        for spellings, example in (
            (("--configfile", "--configfiles"), "a.yaml b.yaml"),
            (("--config", "-C"), "published=False name=mine"),
        ):
            if sum(options.count(spelling) for spelling in spellings) > 1:
                raise ConfigError(
                    f"{spellings[0]} is given more than once, and Snakemake passes over all but "
                    f"the last: put everything behind one, {spellings[0]} {example}"
                )
        # Snakemake lists overlays first, and merges them last
        files = [*workflow.configfiles[len(overlays) :], *overlays]
        check_files(files, workflow.config_settings.config)
        return load_study(config)
    if workflow.modifier.path_modifier.prefix:
        raise ConfigError(
            "this workflow cannot be imported with `prefix:`; its jobs name their files "
            "themselves. Give the study a `name` in `config:`: its files lie in results/<name>."
        )
    own = here / "config.yaml"
    check_files([own], config, "the config of the module")
    return load_study(merged(yaml.safe_load(own.read_text(encoding="utf-8")), config))


def command_typed(argv: Sequence[str], *, executes: bool = True) -> str:
    """Return the command that starts Snakemake on the same study: without targets, ready for some.

    Args:
        argv: the command line as it was typed.
        executes: it says on how many cores; a dry run needs none, what is to be typed does.
    """
    program, *options = argv
    if Path(program).name == "__main__.py":
        words = [sys.executable, "-m", "snakemake"]
    else:
        words = [Path(program).name if program == shutil.which(Path(program).name) else program]
    parser = get_argument_parser()
    given, _ = parser.parse_known_args(options)
    for name in _OF_THE_STUDY:
        value = getattr(given, name, None)
        if value and value != parser.get_default(name):
            several = value if isinstance(value, list | tuple | set | frozenset) else [value]
            words += [f"--{name.replace('_', '-')}", *map(str, several)]
    if not executes and {"--cores", "--jobs"}.isdisjoint(words):
        words += ["--cores", "all"]
    return shlex.join(words)


def shell_prefix(inherited: str | None, here: Path, own_python: bool) -> str:
    """Return what precedes every command: jobs use this library, wherever they start.

    Args:
        inherited: what preceded every command before; the workflow that imports this one needs it.
        here: the folder of the Snakefile.
        own_python: jobs use the interpreter of Snakemake, whatever is first in PATH.
    """
    path = f'PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH" ' if own_python else ""
    library = f'PYTHONPATH={shlex.quote(str(here))}"${{PYTHONPATH:+:$PYTHONPATH}}"'
    before = "set -euo pipefail; " if inherited is None else inherited
    export = f"export {path}{library}; "
    prefix = before if before.endswith(export) else before + export
    # doubled braces: Snakemake formats the prefix
    return prefix.replace("{", "{{").replace("}", "}}")
