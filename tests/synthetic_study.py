"""Studies with invented numbers, in the files a real one has: for tests of what readers see."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import yaml

from smoothcore.files import schemas
from smoothcore.files.paths import Layout
from smoothcore.files.records import write_curve, write_record, write_rows, write_weights
from smoothcore.files.storage import write_csv, write_parquet
from smoothcore.measures import all_estimates, all_measures
from smoothcore.network.seeds import generator, stream
from smoothcore.network.two_layer import initialize
from smoothcore.regularizers import NONE, all_regularizers
from smoothcore.results import statistics
from smoothcore.results.collected import Results
from smoothcore.results.figures import all_figures
from smoothcore.results.style import save_figure
from smoothcore.study.config import Study
from smoothcore.study.grid import all_runs, to_table
from smoothcore.study.run import Run
from smoothcore.training.checkpoint import TrainingState
from smoothcore.training.loop import Outcome
from smoothcore.training.recipe import recipe_of
from tests.workflow import REPOSITORY, study_of

#: invented values at 64 images, what a doubling of them adds, the share a penalty takes off
BASE = {"GN": 0.9, "FPL": 1.12, "GPL": 1.6, "WP": 6.0}
GROWTH = {"GN": 0.01, "FPL": 0.004, "GPL": 0.16, "WP": 0.9}
LOWERED = {"GN": 0.35, "FPL": 0.07, "GPL": 0.1, "WP": 0.08}
OTHERS = (3.0, 0.2, 0.3)

#: what a record says of its making
MADE_BY = {
    "versions": json.dumps({"numba": "0.1", "numpy": "0.2"}), "processor": "a processor",
    "code": "abc", "data_sha256": "abc", "weights_sha256": "abc",
}  # fmt: skip

#: of a row that is not a main one: seen at once where it enters a mean
DECOY = 1e6


def paper_study() -> Study:
    """The configuration of the paper's study."""
    return study_of({})


def demo_study() -> Study:
    """The configuration of the demo: three pairs of the 8 × 8 digits."""
    return study_of(yaml.safe_load((REPOSITORY / "config" / "demo.yaml").read_text("utf-8")))


def penalized(run: Run) -> str:
    """The measure that a run's penalty lowers; empty at λ = 0."""
    return "" if run.regularizer == NONE else all_regularizers()[run.regularizer].measure


def value_of(run: Run, measure: str, estimator: str) -> float:
    """An invented value: larger with the training set, smaller with the penalty."""
    base, growth, lowered = (
        table.get(measure, other)
        for table, other in zip((BASE, GROWTH, LOWERED), OTHERS, strict=True)
    )
    rng = generator(stream("synthetic", measure=measure, **run.coordinates))
    pair = generator(stream("synthetic pair", pair=run.pair, measure=measure)).normal()
    value = base + growth * np.log2(run.size / 64) + 0.05 * pair
    value *= 1 + 0.01 * rng.normal()
    if penalized(run) == measure:
        value *= 1 - lowered * min(1.5, (run.lambda_ * 1e4) ** 0.2)
    return float(value * (1.2 if (measure, estimator) == ("GPL", "exact") else 1.0))


def interpolates(run: Run) -> bool:
    """The strongest penalties keep some pairs from interpolating."""
    return not (run.lambda_ >= 1e-3 and int(run.pair[0]) % 3 == 0)


def write_study(
    folder: Path,
    study: Study,
    *,
    present: Callable[[Run], bool] = lambda run: True,
    value: Callable[[Run, str, str], float] = value_of,
    subfolder: str = "",
    per_run: bool = False,
    figures: bool | Path = True,
) -> Path:
    """Write grid, runs, measures and tables of a study; return the folder of the tables.

    Args:
        folder: results/<name>.
        study: the configuration.
        present: which runs there are.
        value: of a run, a measure and an estimator.
        subfolder: "partial" for the tables of `snakemake partial`.
        per_run: also write the record, measures, curve, weights and benchmark of each run.
        figures: also draw the figures, which the report shows; or take them from this folder.
    """
    layout = Layout(folder)
    grid = to_table(study)
    write_parquet(
        layout.grid, pa.Table.from_pandas(grid, preserve_index=False), about=study.to_dict()
    )
    records, measured, curves = [], [], []
    for run in filter(present, all_runs(study)):
        records.append(_record(study, run))
        rows = _measured(study, run, value)
        measured += [{**run.coordinates, **row} for row in rows]
        epochs = np.unique(np.geomspace(1, _epochs(run), 12).astype(int))
        curves += [
            {**run.coordinates, "epoch": epoch, "running_loss": 1 / epoch} for epoch in epochs
        ]
        if per_run:
            _write_run(layout, study, run, rows)
    tables = folder / subfolder
    for name, rows, schema in (
        ("runs", records, schemas.RUNS),
        ("measures", measured, schemas.MEASURES),
        ("curves", curves, schemas.CURVES),
    ):
        table = pa.Table.from_pylist(rows, schema=schema)
        write_parquet(tables / f"{name}.parquet", table, about={"study": study.to_dict()})
    results = Results(layout.grid, tables)
    made = statistics.all_tables(results.measures, results.runs, results.grid)
    for name, table in made.items():
        write_csv(tables / f"{name}.csv", table)
    if isinstance(figures, Path):
        for path in figures.glob("*.svg"):
            shutil.copy(path, tables)
    elif figures:
        for name, figure in all_figures(results).items():
            save_figure(figure, [tables / f"{name}.svg"])
    return tables


def _measured(study: Study, run: Run, value: Callable[[Run, str, str], float]) -> list[dict]:
    """The rows of a run's table of measures: the main ones, and others that must not be shown."""
    rows = []
    for measure, estimator in all_estimates():
        row = {"measure": measure, "estimator": estimator, "stderr": 0.01, "code": "def"}
        row |= {"n_samples": study.measures.n_samples, "interpolates": interpolates(run)}
        images = all_measures()[measure].images or "none"
        row |= {"images": images, "network": "trained", "main": True}
        rows.append(row | {"value": value(run, measure, estimator)})
        rows.append(row | {"network": "initial", "main": False, "value": DECOY})
        if images == "test":
            rows.append(row | {"images": "training", "main": False, "value": DECOY})
    return rows


def _epochs(run: Run) -> int:
    return 40 if interpolates(run) else 200


def _record(study: Study, run: Run) -> dict:
    done = interpolates(run)
    epochs = _epochs(run)
    return {
        **run.coordinates,
        "status": "interpolated" if done else "max_epochs",
        "interpolates": done,
        "epochs": epochs,
        "steps": epochs * -(-run.size // study.training.batch_size),
        "running_loss": 9e-6 if done else 3e-5,
        "training_loss": 9.5e-6 if done else 3.1e-5,
        "test_loss": 0.01 + 1e-4 * _epochs(run) / run.size + 1e-3 * int(run.pair[0]),
        "seconds": 0.002 * epochs * run.size / 64,
        "resumes": 0,
        "d": 64,
        "dataset": study.dataset,
        "hidden_units": study.network.hidden_units,
        "alpha": study.network.alpha,
        **vars(study.training),
        "grid_points": recipe_of(study, run).grid_points,
        **MADE_BY,
    }


def _write_run(layout: Layout, study: Study, run: Run, rows: list[dict]) -> None:
    record = _record(study, run)
    rng = generator(stream("synthetic weights", **run.coordinates))
    network = initialize(64, study.network.hidden_units, 1.0, rng)
    epochs = np.arange(1, record["epochs"] + 1)
    losses = np.exp(np.linspace(0, np.log(record["running_loss"]), len(epochs)))
    outcome = Outcome(
        TrainingState(
            network, record["epochs"], record["running_loss"], epochs.tolist(), losses.tolist(),
            record["seconds"], 0,
        ),
        record["status"], record["training_loss"], record["steps"],
    )  # fmt: skip
    recipe = recipe_of(study, run)
    write_weights(layout.weights(run), network, json.dumps({"run": run.coordinates}))
    write_record(layout.record(run), run, recipe, outcome, d=64, test_loss=0.01, made_by=MADE_BY)
    write_curve(layout.curve(run), run, recipe, outcome)
    write_rows(layout.measured(run), run, schemas.MEASURES, rows)
    benchmark = layout.benchmark("train", run)
    benchmark.parent.mkdir(parents=True, exist_ok=True)
    benchmark.write_text(
        "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
        f"{record['seconds'] + 1:.4f}\t0:00:01\t{180 + len(run.pair)}.5\t900\t170\t171\t0\t0\t"
        f"99\t{record['seconds']:.2f}\n"
    )
