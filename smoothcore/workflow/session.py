"""A study as the rules of one start of Snakemake see it: its runs, their files, their order."""

import json
import re
from collections import defaultdict
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from smoothcore.datasets import prepare
from smoothcore.errors import SmoothcoreError
from smoothcore.files.locking import only_writer
from smoothcore.files.paths import Layout
from smoothcore.jobs.settings import measuring_of
from smoothcore.measures import all_measures
from smoothcore.regularizers import NONE
from smoothcore.study.config import Study
from smoothcore.study.grid import all_runs, monotonicity_runs, search_lambdas
from smoothcore.study.run import COORDINATES, Run
from smoothcore.training.recipe import recipe_of
from smoothcore.workflow import costs
from smoothcore.workflow.adoption import read_adopted
from smoothcore.workflow.collecting import search_so_far
from smoothcore.workflow.command_line import to_settings
from smoothcore.workflow.fingerprint import measuring_code, training_code
from smoothcore.workflow.published import (
    RESTORED,
    forget,
    restore,
    restored_runs,
    tables_to_restore,
)


class Session:
    """A study, its runs and their files, as the rules need them.

    Attributes:
        study: the configuration.
        folder: ``results/<name>``.
        layout: where the files of a run lie.
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self.folder = f"results/{study.name}"
        self.layout = Layout(Path(self.folder))
        self._adopted = read_adopted(self.layout.root)

    @cached_property
    def search(self) -> dict[str, int]:
        """How many λ beyond the grid the search for the edge asks for, by regularizer."""
        return search_so_far(self.study, self.layout)

    @cached_property
    def runs(self) -> list[Run]:
        """Every run of the study."""
        return all_runs(self.study, self.search)

    @property
    def spellings(self) -> dict[str, str]:
        """The values of each coordinate in file names, as a regular expression.

        A target with another value, or another spelling of one, is none. The λ that the search has
        not come to are among them: jobs on a cluster read the Snakefile anew, and may find that
        runs which the search needs are just trained again.
        """
        grids = self.study.optimality.grids if self.study.optimality else {}
        whole = {name: len(search_lambdas(self.study, name)) for name in grids}
        runs = [run.coordinates for run in all_runs(self.study, whole)]
        values = {name: {re.escape(str(run[name])) for run in runs} for name in COORDINATES}
        return {name: "|".join(sorted(of)) for name, of in values.items()}

    def search_message(self) -> str:
        """Return in words what the search asks for next; empty if that is nothing."""
        found = search_so_far(self.study, self.layout)
        further = [name for name, steps in found.items() if steps > self.search.get(name, 0)]
        if not further:
            return ""
        return f"the search goes on with {', '.join(further)}: run the same command again"

    @cached_property
    def data(self) -> Path:
        """The images."""
        return self.layout.data(self.study.dataset)

    @cached_property
    def _places(self) -> dict[Run, int]:
        """The place of each run in the order in which they are worth having.

        Table 1 first, pair by pair, so that whole rows of it exist early. Then Table 2: λ = 0, to
        which everything is compared, and the penalties, the cheapest first. The pairs go in rounds
        (`_round`), and of a pair what takes longest goes first.
        """
        first = set(monotonicity_runs(self.study))
        seconds = {run: costs.expected_seconds(run, self.study) for run in self.runs}
        cost: defaultdict[str, float] = defaultdict(float)
        for run in self.runs:
            if run.regularizer != NONE:
                cost[run.regularizer] += seconds[run]

        def place(run: Run) -> tuple:
            table = (1, 0.0) if run in first else (2, cost[run.regularizer])
            return *table, _round(run.pair), run.pair, -seconds[run]

        return {run: k for k, run in enumerate(sorted(self.runs, key=place))}

    def priority(self, wildcards: Any) -> int:
        """Return the priority of the jobs of a run; a trained network is measured at once."""
        return len(self.runs) - self._places.get(Run.from_coordinates(wildcards), len(self.runs))

    def cost_class(self, wildcards: Any) -> str:
        """Return the class of a run; those of one class share an allocation on a cluster."""
        return costs.cost_class(Run.from_coordinates(wildcards), self.study)

    def asks(self, cost: Callable[[Run, Study, int], int]) -> Callable[[Any, int], int]:
        """Return what a job asks a cluster for, by a function of `costs` that says it of a run."""
        # Snakemake looks for the arguments by these names
        return lambda wildcards, attempt: cost(Run.from_coordinates(wildcards), self.study, attempt)

    def training_settings(self, wildcards: Any) -> str:
        """Return what a training job is told, as JSON.

        One text for all settings: Snakemake compares params as a set and would not notice two
        values that are swapped.
        """
        run = Run.from_coordinates(wildcards)
        return to_settings(run=run, recipe=recipe_of(self.study, run))

    def training_code(self, wildcards: Any) -> str:
        """Return the fingerprint of the code that determines a run."""
        return self._known(training_code(wildcards.regularizer, self.study.training.engine))

    def measuring_settings(self, wildcards: Any) -> str:
        """Return what a measuring job is told, as JSON."""
        run = Run.from_coordinates(wildcards)
        recipe, measuring = recipe_of(self.study, run), measuring_of(self.study)
        return to_settings(run=run, recipe=recipe, measuring=measuring)

    @cached_property
    def measuring_code(self) -> str:
        """The measures to compute, each with the fingerprint of its code, as JSON."""
        code = {name: self._known(measuring_code(name)) for name in self.study.measures.names}
        return json.dumps(code)

    @property
    def defined_on(self) -> str:
        """The images that each measure is defined on, as JSON: they decide which rows are main."""
        return json.dumps({m: all_measures()[m].images for m in self.study.measures.names})

    def _known(self, code: str) -> str:
        return self._adopted.get(code, code)

    @cached_property
    def restored(self) -> set[Run]:
        """The runs whose files were restored from published tables, so without weights."""
        return restored_runs(self.layout)

    def restore_published(self, say: Callable[[str], None]) -> None:
        """Let published runs count as there, unless the config says otherwise.

        Then those that counted before are forgotten; their tables bring them back.

        Where others are to be trained beside them the images are prepared at once, for a dry run
        too: Snakemake takes every run for stale whose images it has to prepare.

        Raises:
            DamagedFileError: a published table, or the list of what was restored, is damaged.
        """
        if not self.study.published:
            if self.restored:
                if any(Path(".snakemake", "locks").glob("*")):
                    raise SmoothcoreError(
                        "published: false forgets the published runs of "
                        f"{self.layout.root}, and another Snakemake works in this folder. Wait "
                        "for it; if it was killed, `snakemake --unlock` comes first."
                    )
                with only_writer(self.layout.root / RESTORED):
                    n = forget(self.layout)
                del self.restored
                say(f"{n} published runs of {self.layout.root} count no more")
        elif tables_to_restore(self.layout.root):
            with only_writer(self.layout.root / RESTORED):
                # another start may have restored them meanwhile
                tables = tables_to_restore(self.layout.root)
                if tables and (n := restore(self.layout, tables)):
                    say(
                        f"{n} published runs of {tables} count as there; published: false ignores "
                        "them"
                    )
        if (
            self.restored
            and not self.data.exists()
            and not all(map(self.layout.is_finished, self.runs))
        ):
            source = self.study.mnist_dir
            try:
                prepare(self.study.dataset, self.data, Path(source) if source else None)
            except SmoothcoreError as error:
                say(f"the images are missing: {error}")

    def files_of_runs(self, pair: str | None = None) -> list[Path]:
        """Return the files of every run, or of those of one pair.

        Snakemake misses a deleted file only where a target asks for it. The weights of a run that
        was published without them are not asked for.
        """
        kinds = (self.layout.record, self.layout.curve, self.layout.measured)
        runs = [run for run in self.runs if pair in (None, run.pair)]
        weights = [self.layout.weights(run) for run in runs if run not in self.restored]
        return [*(of(run) for run in runs for of in kinds), *weights]


def _round(pair: str) -> int:
    """Return the round of a pair in a tournament of the ten digits, 0 … 8.

    Each digit is in one of the five pairs of a round, so that the pairs of a study that is not
    finished are a fair sample of all.
    """
    a, b = map(int, pair.split("-"))
    return (2 * a if b == 9 else a + b) % 9
