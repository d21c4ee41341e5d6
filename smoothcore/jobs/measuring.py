"""Measure one run: its weights and images in, its table of measures out."""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from smoothcore import measures
from smoothcore.datasets import load_pair
from smoothcore.errors import DamagedFileError, SettingsError
from smoothcore.files import schemas
from smoothcore.files.locking import only_writer
from smoothcore.files.records import read_run_table, read_weights, write_rows
from smoothcore.files.storage import check_dates, remove
from smoothcore.jobs.evaluation import evaluate
from smoothcore.jobs.settings import MeasuringSettings
from smoothcore.study.run import Run
from smoothcore.training.determining import digest_of_arrays, digest_of_network
from smoothcore.training.recipe import Recipe

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MeasuringFiles:
    """Where a measuring job reads and writes.

    Attributes:
        data: the images.
        weights: the trained network.
        record: its row of the table of runs.
        output: its table of measures; what is there and still holds is kept.
        checkpoint: of its training; removed at the end.
    """

    data: Path
    weights: Path
    record: Path
    output: Path
    checkpoint: Path


def measure_and_write(
    run: Run,
    recipe: Recipe,
    settings: MeasuringSettings,
    code: Mapping[str, str],
    files: MeasuringFiles,
) -> None:
    """Measure a network, trained and at its initialisation, and write its table.

    ``code`` names the measures to compute, each with the fingerprint of its code. One whose code,
    settings and network are those of the table that is there is not computed again.

    Raises:
        SettingsError: the images are not those that the network was trained on.
        DamagedFileError: a file is missing or damaged.
        StorageError: a file is dated ahead of the clock, or the table cannot be written.
    """
    with only_writer(files.checkpoint):
        check_dates([files.data, files.weights, files.record], files.output.parent)
        trained = read_weights(files.weights, run)
        (record,) = read_run_table(files.record, run, schemas.RUNS).to_pylist()
        stated = {"settings": asdict(settings), "network": digest_of_network(trained)}
        rows = _still_valid(run, code, stated, files.output)
        wanted = [name for name in code if name not in {row["measure"] for row in rows}]
        log.info("measuring %s, kept %d values", ", ".join(wanted) or "nothing", len(rows))
        if wanted:
            x, y, x_test, _ = load_pair(files.data, run.pair, run.size, recipe.dataset)
            if digest_of_arrays(x, y) != record["data_sha256"]:
                raise SettingsError(
                    f"{files.weights} was not trained on the images in {files.data}. Prepare those "
                    "it was trained on, or delete it and train the run again."
                )
            rows += [
                asdict(m) | {"main": m.main, "code": code[m.measure]}
                for m in evaluate(run, recipe, settings, wanted, trained, x, x_test)
            ]
        rows = [row | {"interpolates": record["interpolates"]} for row in rows]
        order = list(measures.all_measures())
        rows.sort(key=lambda row: (not row["main"], order.index(row["measure"])))
        write_rows(files.output, run, schemas.MEASURES, rows, **stated)
        remove(files.checkpoint)


def _still_valid(run: Run, code: Mapping[str, str], stated: dict, path: Path) -> list[dict]:
    """Return the rows of the table that is there which a new measurement would not change."""
    try:
        table = read_run_table(path, run, schemas.MEASURES, stated)
    except DamagedFileError:
        return []
    return [row for row in table.to_pylist() if code.get(row["measure"]) == row["code"]]
