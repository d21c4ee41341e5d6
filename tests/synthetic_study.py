"""Studies with invented numbers, in the files a real one has: for tests of what readers see."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import yaml

from smoothcore.files import schemas
from smoothcore.files.paths import Layout
from smoothcore.files.records import write_curve, write_measures, write_record, write_weights
from smoothcore.files.storage import write_parquet
from smoothcore.measures import ESTIMATES, Measurement
from smoothcore.network.seeds import generator, stream
from smoothcore.network.two_layer import initialize
from smoothcore.regularizers import MEASURE_OF
from smoothcore.results import statistics
from smoothcore.results.figures import figure2
from smoothcore.results.style import save_figure
from smoothcore.study.config import Study, load_study
from smoothcore.study.grid import all_runs, to_table
from smoothcore.study.run import Run
from smoothcore.training.checkpoint import TrainingState
from smoothcore.training.loop import Outcome
from smoothcore.training.recipe import Recipe

ROOT = Path(__file__).parent.parent

BASE = {"GN": 0.9, "FPL": 1.12, "GPL": 1.6, "WP": 6.0}
GROWTH = {"GN": 0.01, "FPL": 0.004, "GPL": 0.16, "WP": 0.9}
LOWERED = {"GN": 0.35, "FPL": 0.07, "GPL": 0.1, "WP": 0.08}


def paper_study() -> Study:
    """The configuration of the paper's study."""
    return load_study(yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8")))


def demo_study() -> Study:
    """The configuration of the demo: three pairs of the 8 × 8 digits."""
    base = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    overlay = yaml.safe_load((ROOT / "config" / "demo.yaml").read_text(encoding="utf-8"))
    return load_study(_merged(base, overlay))


def _merged(below, above):
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    return below | {key: _merged(below.get(key), value) for key, value in above.items()}


def value_of(run: Run, measure: str, estimator: str) -> float:
    """An invented value: larger with the training set, smaller with the penalty."""
    rng = generator(stream("synthetic", measure=measure, **run.coordinates))
    pair = generator(stream("synthetic pair", pair=run.pair, measure=measure)).normal()
    value = BASE[measure] + GROWTH[measure] * np.log2(run.size / 64) + 0.05 * pair
    value *= 1 + 0.01 * rng.normal()
    if MEASURE_OF.get(run.regularizer) == measure:
        value *= 1 - LOWERED[measure] * min(1.5, (run.lambda_ * 1e4) ** 0.2)
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
    cells: bool = False,
) -> Path:
    """Write grid, runs, measures and tables of a study; return the folder of the tables.

    Args:
        folder: results/<name>.
        study: the configuration.
        present: which cells there are.
        value: of a run, a measure and an estimator.
        subfolder: "partial" for the tables of `snakemake partial`.
        cells: also write each cell's record, measures, curve, weights and benchmark.
    """
    layout = Layout(folder)
    grid = to_table(study)
    write_parquet(
        layout.grid, pa.Table.from_pandas(grid, preserve_index=False), about=study.to_dict()
    )
    records, measured = [], []
    for run in filter(present, all_runs(study)):
        records.append(_record(study, run))
        measurements = [
            Measurement(m, e, value(run, m, e), 0.01, study.measures.n_samples)
            for m, e in ESTIMATES
        ]
        measured += [
            {**run.coordinates, **vars(m), "interpolates": interpolates(run)} for m in measurements
        ]
        if cells:
            _write_cell(layout, study, run, measurements)
    tables = folder / subfolder
    for name, rows, schema in (
        ("runs", records, schemas.RUNS),
        ("measures", measured, schemas.MEASURES),
    ):
        write_parquet(tables / f"{name}.parquet", pa.Table.from_pylist(rows, schema=schema))
    runs = pd.DataFrame(records, columns=schemas.RUNS.names)
    measures = pd.DataFrame(measured, columns=schemas.MEASURES.names)
    _write_tables(tables, grid, runs, measures)
    figure = figure2(
        statistics.optimality_values(measures, grid), statistics.interpolation_counts(runs, grid)
    )
    save_figure(figure, [tables / "figure2.svg"])
    return tables


def _write_tables(tables: Path, grid, runs, measures) -> None:
    taus = statistics.kendall_taus(measures, grid)
    taus.to_csv(tables / "kendall_tau.csv", index=False)
    statistics.table1(taus).to_csv(tables / "table1.csv", index=False)
    statistics.table2(measures, runs, grid).to_csv(tables / "table2.csv", index=False)


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
        "test_loss": 0.01 + 1e-4 * _epochs(run) / run.size,
        "seconds": 0.002 * epochs * run.size / 64,
        "resumes": 0,
        "d": 64,
        "dataset": study.dataset,
        "hidden_units": study.network.hidden_units,
        "alpha": study.network.alpha,
        **vars(study.training),
        "grid_points": 10 if run.regularizer in ("FPL", "GPL") else None,
        "versions": json.dumps({"numba": "0.1", "numpy": "0.2"}),
    }


def _write_cell(layout: Layout, study: Study, run: Run, measurements) -> None:
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
    recipe = Recipe(
        study.dataset, study.training.engine, study.network.hidden_units, study.network.alpha,
        study.training.batch_size, study.training.epsilon, study.training.max_epochs,
        record["grid_points"],
    )  # fmt: skip
    write_weights(layout.weights(run), network, json.dumps({"run": run.coordinates}))
    write_record(
        layout.record(run), run, recipe, outcome,
        d=64, test_loss=0.01, versions=json.loads(record["versions"]),
    )  # fmt: skip
    write_curve(layout.curve(run), run, outcome)
    write_measures(layout.measured(run), run, measurements, interpolates=record["interpolates"])
    benchmark = layout.benchmark("train", run)
    benchmark.parent.mkdir(parents=True, exist_ok=True)
    benchmark.write_text(
        "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
        f"{record['seconds'] + 1:.4f}\t0:00:01\t{180 + len(run.pair)}.5\t900\t170\t171\t0\t0\t"
        f"99\t{record['seconds']:.2f}\n"
    )
