"""Where every artifact of a study lies, below ``results/<name>/``.

Runs, curves and measures are hive-partitioned: pandas, pyarrow and DuckDB read such a folder as one
table whose columns include the partition keys. λ and the learning rate are columns inside the
files (as partition keys they would come back as strings) and part of the file's name.
"""

from dataclasses import dataclass
from pathlib import Path

from smoothcore.study.run import Run

#: the coordinates that are folders; the remaining ones are columns inside each file
PARTITIONS = ("pair", "size", "seed", "regularizer")

_RUN = "/".join(f"{name}={{{name}}}" for name in PARTITIONS) + "/lambda-{lambda}_lr-{learning_rate}"


@dataclass(frozen=True)
class Layout:
    """The artifacts of one study.

    A method given no run returns the path with the wildcards of a workflow rule in braces.
    """

    root: Path

    def weights(self, run: Run | None = None) -> Path:
        """W, beta, v, c of a trained network, npz."""
        return self._of_run("weights", run, ".npz")

    def record(self, run: Run | None = None) -> Path:
        """One row: what came out of a training run."""
        return self._of_run("runs", run, ".parquet")

    def curve(self, run: Run | None = None) -> Path:
        """The thinned loss curve of a training run."""
        return self._of_run("curves", run, ".parquet")

    def measured(self, run: Run | None = None) -> Path:
        """The measures of one network."""
        return self._of_run("measures", run, ".parquet")

    def is_finished(self, run: Run) -> bool:
        """Tell whether a run is trained and measured: its record, curve and measures are there."""
        return all(of(run).exists() for of in (self.record, self.curve, self.measured))

    def checkpoint(self, run: Run | None = None) -> Path:
        """The state of an unfinished training run; removed when it completes."""
        return self._of_run("checkpoints", run, ".npz")

    def log(self, stage: str, run: Run | None = None) -> Path:
        """What a job said."""
        return self._of_run(f"logs/{stage}", run, ".log")

    def benchmark(self, stage: str, run: Run | None = None) -> Path:
        """Time and memory of a job, written by the workflow."""
        return self._of_run(f"benchmarks/{stage}", run, ".tsv")

    def data(self, dataset: str) -> Path:
        """The images of a dataset, by digit, npz."""
        return self.root / "data" / f"{dataset}.npz"

    @property
    def grid(self) -> Path:
        """The table of runs that the config asks for."""
        return self.root / "grid.parquet"

    def _of_run(self, kind: str, run: Run | None, suffix: str) -> Path:
        name = _RUN.format(**run.coordinates) if run else _RUN
        return self.root / kind / f"{name}{suffix}"
