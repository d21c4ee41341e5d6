"""Measure one run: its weights and images in, its table of measures out."""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from smoothcore import measures
from smoothcore.datasets import load_pair
from smoothcore.errors import DamagedFileError
from smoothcore.files import schemas
from smoothcore.files.locking import only_writer
from smoothcore.files.records import read_run_table, read_weights, write_measures
from smoothcore.files.storage import check_dates, remove
from smoothcore.jobs.settings import MeasuringSettings
from smoothcore.measures import EvaluationPoints, draw_evaluation_points
from smoothcore.network.seeds import generator, stream
from smoothcore.network.two_layer import TwoLayerNetwork
from smoothcore.study.run import Run
from smoothcore.training.determining import digest_of_network
from smoothcore.training.initial import initial_network
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

    A measure whose code, settings and network are those of the table that is there is not computed
    again.

    Args:
        run: its coordinates.
        recipe: its settings.
        settings: of measuring.
        code: the measures to compute, each with the fingerprint of its code.
        files: where they lie.
    """
    with only_writer(files.checkpoint):
        check_dates([files.data, files.weights, files.record], files.output.parent)
        trained = read_weights(files.weights, run)
        stated = {"settings": asdict(settings), "network": digest_of_network(trained)}
        rows = _still_valid(run, code, stated, files.output)
        wanted = [name for name in code if name not in {row["measure"] for row in rows}]
        log.info("measuring %s%s", ", ".join(wanted) or "nothing", f", kept {len(rows)} values")
        if wanted:
            record = read_run_table(files.record, run, schemas.RUNS)
            interpolates = record["interpolates"][0].as_py()
            rows += [
                asdict(m) | {"main": m.main, "interpolates": interpolates, "code": code[m.measure]}
                for m in _measured(run, recipe, settings, wanted, trained, files.data)
            ]
        order = list(measures.all_measures())
        rows.sort(key=lambda row: (not row["main"], order.index(row["measure"])))
        write_measures(files.output, run, rows, **stated)
        remove(files.checkpoint)


def _still_valid(run: Run, code: Mapping[str, str], stated: dict, path: Path) -> list[dict]:
    """Return the rows of the table that is there which a new measurement would not change."""
    try:
        table = read_run_table(path, run, schemas.MEASURES, stated)
    except DamagedFileError:
        return []
    return [row for row in table.to_pylist() if code.get(row["measure"]) == row["code"]]


def _measured(
    run: Run,
    recipe: Recipe,
    settings: MeasuringSettings,
    names: list[str],
    trained: TwoLayerNetwork,
    data: Path,
) -> list[measures.Measurement]:
    x, _, x_test, _ = load_pair(data, run.pair, run.size, recipe.dataset)
    with threadpool_limits(limits=1):
        return measures.measure_run(
            trained,
            initial_network(run, recipe, trained.d),
            # one stream per pair: differences between its networks are then not sampling noise
            test=_points(x_test, settings, dataset=recipe.dataset, pair=run.pair),
            training=_points(
                x, settings, dataset=recipe.dataset, pair=run.pair, training_size=run.size
            ),
            grid_points=settings.grid_points,
            names=names,
        )


def _points(x: np.ndarray, settings: MeasuringSettings, **coordinates) -> EvaluationPoints:
    rng = generator(stream("evaluation", **coordinates))
    return draw_evaluation_points(x, settings.n_samples, rng)
