"""What Snakemake has decided to do with a study, and what is refused of it."""

import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from snakemake.io import is_flagged

from smoothcore.errors import DamagedFileError, SmoothcoreError, StorageError
from smoothcore.files.repair import repair_command
from smoothcore.files.storage import read_parquet
from smoothcore.results import COLLECTED
from smoothcore.study.run import Run
from smoothcore.workflow import changes, costs
from smoothcore.workflow.collecting import read_grid, records_and_measures
from smoothcore.workflow.progress import Job
from smoothcore.workflow.session import Session


class Plan:
    """The jobs of one study among those that Snakemake has decided to run.

    Args:
        session: the study.
        workflow: Snakemake's, of this study and maybe of others. It has no jobs yet.
    """

    def __init__(self, session: Session, workflow: Any) -> None:
        self.session, self._workflow = session, workflow

    @property
    def _dag(self) -> Any:
        return self._workflow.dag

    def _needed(self) -> Iterator[tuple[Any, str | None, Run | None]]:
        """Yield the jobs.

        Each with what it does, ``training`` or ``measuring``, and to which run; both are None if it
        is about all runs. Their files tell: where this workflow is imported, rules have other
        names.
        """
        folder = self.session.folder
        stages = {f"{folder}/weights/": "training", f"{folder}/measures/": "measuring"}
        for job in self._dag.needrun_jobs():
            first = str(next(iter(job.output), ""))
            if first.startswith(f"{folder}/"):
                stage = next((stages[s] for s in stages if first.startswith(s)), None)
                yield job, stage, Run.from_coordinates(job.wildcards) if stage else None

    def jobs(self) -> Iterator[Job]:
        """Yield the jobs with their expected seconds."""
        for job, stage, run in self._needed():
            seconds, trains = costs.MEASURE_SECONDS, stage == "training"
            if trains and run:
                seconds = costs.expected_seconds(run, self.session.study)
            name, done = str(run) if run else None, partial(self._dag.finished, job)
            yield Job(job.jobid, job.rule.name, name, seconds, trains, done)

    def changes(self) -> list[str]:
        """Return which settings or code make finished runs stale, a line each."""
        return changes.lines(
            (stage, change.only_old, change.only_new)
            for job, stage, _ in self._needed()
            if stage and (change := self._dag.reason(job).params_changed)
        )

    def force_stale_tables(self) -> None:
        """Let tables be written again: of the runs, if made for other settings; partial, if old.

        Snakemake notices by itself only where it remembers writing them: not in a copy of another
        study's folder, nor in a fresh checkout.
        """
        from smoothcore.files.records import about

        session, layout = self.session, self.session.layout
        grid, present = layout.grid, layout.root / "partial" / COLLECTED[0]
        with contextlib.suppress(DamagedFileError, StorageError):  # the job that reads it says so
            if about(grid) != session.study.to_dict() or read_grid(grid)[1] != session.runs:
                self._dag.forcefiles.add(str(grid))
        # a file may be gone that a job just makes again
        with contextlib.suppress(DamagedFileError, StorageError, FileNotFoundError):
            rows = read_parquet(present).num_rows  # first: most starts have no such table
            finished = [run for run in session.runs if layout.is_finished(run)]
            files = (of(run) for run in finished for of in (layout.record, layout.measured))
            newest = max((file.stat().st_mtime for file in files), default=0.0)
            if rows != len(finished) or newest > present.stat().st_mtime:
                self._dag.forcefiles.add(str(present))

    def refusal(self) -> str:
        """Return why the start is refused, and the way out; empty if it is not.

        It is where it would train finished runs without need, or leave others out.
        """
        return self._without_images() or self._overlooked() or self._beside_others()

    @property
    def _images_first(self) -> str:
        command = repair_command(self.session.data, force=True)
        return f"Prepare the images alone first:  {command}"

    def _without_images(self) -> str:
        """Return what is to be done if runs would be trained again only for want of the images.

        They were deleted, or could not be prepared when published runs were restored. Of a restored
        run Snakemake wants the weights, because it would measure the run again.
        """
        if self.session.data.exists():
            return ""
        again = {  # a restored run that was trained since is asked about twice
            run
            for job, stage, run in self._needed()
            if (stage == "training" and self._has_all_outputs(job))
            or (stage == "measuring" and run in self.session.restored)
        }
        if not again:
            return ""
        root = self.session.layout.root
        return (
            f"{self.session.data} is gone, and {len(again)} finished runs of {root} would be "
            f"trained again. {self._images_first}  To train all again, delete {root / 'weights'}"
        )

    def _has_all_outputs(self, job: Any) -> bool:
        """Tell whether a job has them, and runs only because an input is prepared again."""
        reason = self._dag.reason(job)
        others = (reason.missing_output, reason.params_changed, reason.code_changed, reason.forced)
        return not any(others) and all(Path(path).exists() for path in job.output)

    def _overlooked(self) -> str:
        """Return what is to be done if Snakemake prepares the images again and misses what lacks.

        Behind a job that runs it asks no other for reasons of its own, and leaves out those that
        need it as `ancient` alone (9.27): it would end well, with runs missing.
        """
        data = self.session.data
        planned = {str(path) for job in self._dag.needrun_jobs() for path in job.output}
        if not data.exists() or str(data) not in planned:
            return ""
        outputs = {str(path) for job in self._dag.jobs for path in job.output} - planned
        if not (lacking := [path for path in outputs if not Path(path).exists()]):
            return ""
        return (
            f"{data} is to be prepared again, and Snakemake would make nothing else, though "
            f"{len(lacking)} files are missing. {self._images_first}"
        )

    def _beside_others(self) -> str:
        """Return what is wrong if restored runs are not of this study and this code.

        Snakemake knows no code of those: it would be told at the end, when all is collected and the
        published tables are deleted.
        """
        session = self.session
        table = str(session.layout.root / COLLECTED[0])
        if any(stage == "training" or table in job.output for job, stage, _ in self._needed()):
            restored = [run for run in session.runs if run in session.restored]
            there = [run for run in restored if session.layout.is_finished(run)]
            try:
                records_and_measures(session.layout, session.study, there)
            except DamagedFileError as error:
                return str(error)
        return ""

    def check_report(self) -> None:
        """Refuse a report of Snakemake's own while what it shows is not there.

        Raises:
            SmoothcoreError: a table or figure is missing; the message names the way out.
        """
        outputs = (path for job in self._dag.jobs for path in job.output)
        shown = sorted(str(path) for path in outputs if is_flagged(path, "report"))
        ours = [Path(path) for path in shown if path.startswith(f"{self.session.folder}/")]
        missing = [path for path in ours if not path.exists()]
        if missing:
            n = len(missing) - 1
            others = f" and {n} other{'s' * (n > 1)} are" if n else " is"
            raise SmoothcoreError(
                f"{self.session.layout.root} has nothing to report yet: {missing[0]}{others} "
                "missing. `snakemake` makes what is missing; `snakemake partial`, then `snakemake "
                "partial --report`, reports what is there. For another study name its config:  "
                "snakemake --report FILE --configfile its.yaml"
            )
