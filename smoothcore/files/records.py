"""The files of one run: its weights, its record, its loss curve, its measures."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from smoothcore.errors import DamagedFileError
from smoothcore.files import schemas
from smoothcore.files.paths import PARTITIONS
from smoothcore.files.repair import repair_hint
from smoothcore.files.storage import read_npz, read_parquet, write_npz, write_parquet
from smoothcore.network.two_layer import TwoLayerNetwork
from smoothcore.study.run import COORDINATES, INTERPOLATED, Run

if TYPE_CHECKING:
    from smoothcore.measures import Measurement
    from smoothcore.training.loop import Outcome, Recipe


def write_weights(path: Path, network: TwoLayerNetwork, identity: str) -> None:
    """Write a network to an npz: W (d, h), beta (h,), v (h,), c (), float32, and whose it is.

    Args:
        path: the file.
        network: the network.
        identity: JSON of everything the network depends on, with the coordinates under ``run``.
    """
    arrays = {"W": network.W, "beta": network.beta, "v": network.v, "c": network.c}
    write_npz(path, {**arrays, "identity": np.array(identity)})


def read_weights(path: Path, run: Run | None = None) -> TwoLayerNetwork:
    """Read a network that `write_weights` wrote.

    Args:
        path: the file.
        run: the run it must belong to; None accepts any.

    Raises:
        DamagedFileError: the file is missing, damaged, not a network, or of another run.
    """
    arrays = read_npz(path, "W", "beta", "v", "c", "identity")
    try:
        owner = json.loads(str(arrays.pop("identity")))["run"]
        network = TwoLayerNetwork(**arrays)
        if any(array.dtype != np.float32 for array in arrays.values()):
            raise ValueError("its arrays are not float32")
    except (ValueError, TypeError, KeyError) as error:
        raise DamagedFileError(f"{path} is damaged ({error}). {repair_hint(path)}") from error
    if run is not None and owner != run.coordinates:
        raise DamagedFileError(f"{path} belongs to another run ({owner}). {repair_hint(path)}")
    return network


def is_complete(run: Run, identity: str, *, weights: Path, record: Path, curve: Path) -> bool:
    """Tell whether the three files of a run are there, whole, and made under this identity.

    The weights are written last, so what they say holds for the other two.
    """
    try:
        read_run_table(curve, run, schemas.CURVES)
        read_run_table(record, run, schemas.RUNS)
        return str(read_npz(weights, "identity")["identity"]) == identity
    except DamagedFileError:
        return False


def write_record(
    path: Path,
    run: Run,
    recipe: "Recipe",
    outcome: "Outcome",
    *,
    d: int,
    test_loss: float,
    versions: Mapping[str, str],
) -> None:
    """Write the one-row record of a run."""
    state = outcome.state
    row = {
        "status": outcome.status,
        "interpolates": outcome.status == INTERPOLATED,
        "epochs": state.epoch,
        "steps": outcome.steps,
        "running_loss": state.running_loss,
        "training_loss": outcome.training_loss,
        "test_loss": test_loss,
        "seconds": state.seconds,
        "resumes": state.resumes,
        "d": d,
        **asdict(recipe),
        "versions": json.dumps(dict(versions), sort_keys=True),
    }
    _write(path, run, schemas.RUNS, {name: [value] for name, value in row.items()})


def write_curve(path: Path, run: Run, outcome: "Outcome") -> None:
    """Write the thinned loss curve: ``epoch`` and ``running_loss``, the last epoch always in it."""
    state = outcome.state
    epochs, losses = list(state.curve_epochs), list(state.curve_losses)
    if not epochs or epochs[-1] != state.epoch:
        epochs.append(state.epoch)
        losses.append(state.running_loss)
    _write(path, run, schemas.CURVES, {"epoch": epochs, "running_loss": losses})


def write_measures(
    path: Path, run: Run, measurements: Iterable["Measurement"], *, interpolates: bool
) -> None:
    """Write the tidy measures of one run, one row per measure and estimator."""
    rows = [asdict(m) | {"interpolates": interpolates} for m in measurements]
    columns = {
        name: [row[name] for row in rows] for name in schemas.MEASURES.names[len(COORDINATES) :]
    }
    _write(path, run, schemas.MEASURES, columns)


def _write(path: Path, run: Run, schema: pa.Schema, columns: Mapping[str, list]) -> None:
    """Write a table of one run: its coordinates but the partition keys, then ``columns``."""
    n = len(next(iter(columns.values())))
    every = {name: [value] * n for name, value in run.coordinates.items()} | dict(columns)
    inside = pa.schema([field for field in schema if field.name not in PARTITIONS])
    table = pa.table({name: every[name] for name in inside.names}, schema=inside)
    write_parquet(path, table, about=run.coordinates)


def read_run_table(path: Path, run: Run, schema: pa.Schema) -> pa.Table:
    """Read a table of one run, with all its coordinates as the first columns.

    Args:
        path: the file.
        run: the run it must belong to.
        schema: `schemas.RUNS`, `schemas.CURVES` or `schemas.MEASURES`.

    Raises:
        DamagedFileError: the file is missing, damaged, or belongs to another run.
    """
    table = read_parquet(path)
    about = json.loads(table.schema.metadata[b"smoothcore.about"])
    if about != run.coordinates:
        raise DamagedFileError(f"{path} belongs to another run ({about}). {repair_hint(path)}")
    coordinates = {name: [value] * table.num_rows for name, value in run.coordinates.items()}
    try:
        columns = {
            name: coordinates[name] if name in coordinates else table[name] for name in schema.names
        }
        return pa.table(columns, schema=schema)
    except (KeyError, pa.ArrowException) as error:
        raise DamagedFileError(
            f"{path} is not a table of this version ({error}). {repair_hint(path)}"
        ) from error
