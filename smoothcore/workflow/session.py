"""One start of Snakemake on a study: what its rules ask the library."""

import json
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from smoothcore.datasets import prepare
from smoothcore.errors import SmoothcoreError
from smoothcore.files.paths import Layout
from smoothcore.files.repair import COMMAND_VARIABLE, data_repair_command
from smoothcore.jobs.settings import MeasuringSettings
from smoothcore.regularizers import all_regularizers
from smoothcore.study.config import Study
from smoothcore.study.grid import all_runs, monotonicity_runs
from smoothcore.study.run import Run
from smoothcore.training.recipe import Recipe, recipe_of
from smoothcore.workflow import costs
from smoothcore.workflow.adoption import read_adopted
from smoothcore.workflow.command_line import to_settings
from smoothcore.workflow.fingerprint import measuring_code, training_code
from smoothcore.workflow.progress import Job
from smoothcore.workflow.publishing import (
    missing_from,
    published_tables,
    restore,
    restored_runs,
)


class Session:
    """A study, its runs and their files, as the rules need them.

    Attributes:
        study: the configuration.
        folder: ``results/<name>``.
        layout: where the files of a run lie.
        runs: every run of the study.
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self.folder = f"results/{study.name}"
        self.layout = Layout(Path(self.folder))
        self.runs = all_runs(study)
        self._adopted = read_adopted(self.layout.root)

    @cached_property
    def data(self) -> Path:
        """The images."""
        return self.layout.data(self.study.dataset)

    def run(self, wildcards: Any) -> Run:
        """Return the run that the wildcards of a job name."""
        return Run.from_coordinates(wildcards)

    def recipe(self, run: Run) -> Recipe:
        """Return the settings that a run depends on."""
        return recipe_of(self.study, run)

    @cached_property
    def _places(self) -> dict[Run, int]:
        """The place of each run in the order in which they are worth having.

        Table 1 first, pair by pair, so that whole rows of it exist early. Then Table 2: λ = 0, to
        which everything is compared, and the penalties, the cheapest step first. What takes longest
        goes first within each of these.
        """
        first = set(monotonicity_runs(self.study))
        step = {r.name: r.step_ratio.get("sparse", 1.0) for r in all_regularizers().values()}

        def place(run: Run) -> tuple:
            seconds = -costs.expected_seconds(run, self.study)
            if run in first:
                return 1, self.study.pairs.index(run.pair), seconds
            return 2, step.get(run.regularizer, 0.0), seconds

        return {run: k for k, run in enumerate(sorted(self.runs, key=place))}

    def priority(self, wildcards: Any) -> int:
        """Return the priority of the jobs of a run; a trained network is measured at once."""
        return len(self.runs) - self._places.get(self.run(wildcards), len(self.runs))

    def training_settings(self, wildcards: Any) -> str:
        """Return what a training job is told, as JSON.

        One text for all settings: Snakemake compares params as a set and would not notice two
        values that are swapped.
        """
        run = self.run(wildcards)
        return to_settings(run=run, recipe=self.recipe(run))

    def training_code(self, wildcards: Any) -> str:
        """Return the fingerprint of the code that determines a run."""
        run = self.run(wildcards)
        return self._known(training_code(run, self.recipe(run)))

    def measuring_settings(self, wildcards: Any) -> str:
        """Return what a measuring job is told, as JSON."""
        run = self.run(wildcards)
        return to_settings(run=run, recipe=self.recipe(run), measuring=self.measuring)

    @cached_property
    def measuring(self) -> MeasuringSettings:
        """The settings of measuring."""
        return MeasuringSettings(self.study.measures.n_samples, self.study.measures.grid_points)

    @cached_property
    def measuring_code(self) -> str:
        """The measures to compute, each with the fingerprint of its code, as JSON."""
        code = {name: self._known(measuring_code(name)) for name in list(self.study.measures.names)}
        return json.dumps(code)

    def _known(self, code: str) -> str:
        return self._adopted.get(code, code)

    def restore_published(self, say: Callable[[str], None]) -> None:
        """Let published runs count as there, unless the config says otherwise.

        Where others are to be trained beside them the images are prepared at once: Snakemake takes
        every run for stale whose images it has to prepare.

        Raises:
            DamagedFileError: a published table is damaged.
        """
        tables = published_tables(self.layout.root) if self.study.published else None
        if not tables:
            return
        count = restore(self.layout, tables)
        say(f"{count} published runs of {tables} count as there; published: false ignores them")
        if missing_from(self.layout, self.runs) and not self.data.exists():
            source = self.study.mnist_dir
            try:
                prepare(self.study.dataset, self.data, Path(source) if source else None)
            except SmoothcoreError as error:
                say(f"the images are missing: {error}")

    def files_of_runs(self) -> list[Path]:
        """Return the files of every run, and the table that lists the runs.

        Snakemake misses a deleted file only where a target asks for it. The weights of a run that
        was published without them are not asked for.
        """
        kinds = (self.layout.record, self.layout.curve, self.layout.measured)
        restored = restored_runs(self.layout)
        weights = [self.layout.weights(run) for run in self.runs if run not in restored]
        return [self.layout.grid, *(of(run) for run in self.runs for of in kinds), *weights]

    def jobs(self, dag: Any) -> Iterator[Job]:
        """Yield the jobs that Snakemake has decided to run, with their expected seconds."""
        for job in dag.needrun_jobs():
            run = self.run(job.wildcards) if hasattr(job.wildcards, "learning_rate") else None
            trains, seconds = self.trains(job), costs.MEASURE_SECONDS
            if trains and run:
                seconds = costs.expected_seconds(run, self.study)
            name, done = str(run) if run else None, partial(dag.finished, job)
            yield Job(job.jobid, job.rule.name, name, seconds, trains, done)

    def trains(self, job: Any) -> bool:
        """Tell whether a job trains a run, whatever its rule is called where it is imported."""
        return any(str(path).startswith(f"{self.folder}/weights/") for path in job.output)

    def check_images(self, dag: Any) -> None:
        """Refuse to train finished runs again for no reason but images that were deleted.

        Raises:
            SmoothcoreError: it would happen; the message names the way out.
        """
        if self.data.exists():
            return
        again = [job for job in dag.needrun_jobs() if self.trains(job) and _is_finished(dag, job)]
        if again:
            command = data_repair_command(self.data)
            raise SmoothcoreError(
                f"{self.data} is gone, and {len(again)} finished runs of {self.layout.root} would "
                f"be trained again. Prepare the images alone first:  {command}  To train all "
                f"again, delete {self.layout.root / 'weights'}"
            )


def _is_finished(dag: Any, job: Any) -> bool:
    """Tell whether a job has all its outputs and runs only because an input is prepared again."""
    reason = dag.reason(job)
    others = (reason.missing_output, reason.params_changed, reason.code_changed, reason.forced)
    return not any(others) and all(Path(path).exists() for path in job.output)


def command_typed(argv: list[str], environment: Mapping[str, str] = os.environ) -> str:
    """Return what was typed to start the workflow, for messages that tell how to repair a file.

    A job on a cluster has it from its submitter. Options that force or limit jobs are left out.
    """
    if "--mode" in argv:
        return environment.get(COMMAND_VARIABLE, "")
    program, *options = argv
    if Path(program).name == "__main__.py":
        words = [sys.executable, "-m", "snakemake"]
    else:
        words = [Path(program).name if program == shutil.which(Path(program).name) else program]
    forced = ("-f", "--force", "-F", "--forceall")
    return shlex.join([*words, *(word for word in options if word not in forced)])


def shell_prefix(here: Path, own_python: bool) -> str:
    """Return what precedes every command: jobs use this library, wherever they start.

    Args:
        here: the folder of the Snakefile.
        own_python: jobs use the interpreter of Snakemake, whatever is first in PATH.
    """
    path = f'PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH" ' if own_python else ""
    library = f'PYTHONPATH={shlex.quote(str(here))}"${{PYTHONPATH:+:$PYTHONPATH}}"'
    # doubled braces: Snakemake formats the prefix with the command
    return f"set -euo pipefail; export {path}{library}; ".replace("{", "{{").replace("}", "}}")
