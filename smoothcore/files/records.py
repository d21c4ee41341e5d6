"""The files of one run: its weights, its record, its loss curve, its measures."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from smoothcore.errors import DamagedFileError, SettingsError
from smoothcore.files import schemas
from smoothcore.files.paths import PARTITIONS
from smoothcore.files.repair import reading, repair_hint
from smoothcore.files.storage import about_in, read_npz, read_parquet, write_npz, write_parquet
from smoothcore.network.two_layer import TwoLayerNetwork
from smoothcore.study.run import INTERPOLATED, Run

if TYPE_CHECKING:
    from smoothcore.training.loop import Outcome
    from smoothcore.training.recipe import Recipe


class OtherSettingsError(DamagedFileError):
    """A table was made with other settings than expected."""


def write_weights(path: Path, network: TwoLayerNetwork, identity: str) -> None:
    """Write a network to an npz: W (d, h), beta (h,), v (h,), c (), float32, and whose it is.

    ``identity`` is JSON of everything it depends on, with the coordinates under ``run``.
    """
    write_npz(path, {**vars(network), "identity": np.array(identity)})


def read_weights(path: Path, run: Run | None = None) -> TwoLayerNetwork:
    """Read a network that `write_weights` wrote, of any run where ``run`` is None.

    Raises:
        DamagedFileError: the file is missing, damaged, not a network, or of another run.
    """
    arrays = read_npz(path, "W", "beta", "v", "c", "identity")
    with reading(path, ValueError, TypeError, KeyError):
        owner = json.loads(str(arrays.pop("identity")))["run"]
        network = TwoLayerNetwork(**arrays)
        if any(array.dtype != np.float32 for array in arrays.values()):
            raise ValueError("its arrays are not float32")
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


def refuse_other_run(run: Run, *paths: Path) -> None:
    """Make sure that no file of another run lies where this run is to be written.

    Raises:
        SettingsError: one does; the message names it.
    """
    for path in paths:
        try:
            owner = about(path)["run"] if path.suffix == ".parquet" else _owner(path)
        except (DamagedFileError, KeyError, ValueError):
            continue  # missing or damaged: nothing to keep
        if owner != run.coordinates:
            raise SettingsError(
                f"{path} holds another run ({owner}); it is not overwritten. Name another file, or "
                "delete this one."
            )


def _owner(path: Path) -> dict:
    return json.loads(str(read_npz(path, "identity")["identity"]))["run"]


def write_record(
    path: Path,
    run: Run,
    recipe: "Recipe",
    outcome: "Outcome",
    *,
    d: int,
    test_loss: float,
    made_by: Mapping[str, str],
) -> None:
    """Write the one-row record of a run; ``made_by`` holds the columns on what made it."""
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
        **made_by,
    }
    write_rows(path, run, schemas.RUNS, [row], recipe=asdict(recipe))


def write_curve(path: Path, run: Run, recipe: "Recipe", outcome: "Outcome") -> None:
    """Write the thinned loss curve: ``epoch`` and ``running_loss``, the last epoch always in it."""
    state = outcome.state
    losses = dict(zip(state.curve_epochs, state.curve_losses, strict=True))
    losses.setdefault(state.epoch, state.running_loss)
    rows = [{"epoch": epoch, "running_loss": loss} for epoch, loss in losses.items()]
    write_rows(path, run, schemas.CURVES, rows, recipe=asdict(recipe))


def write_rows(
    path: Path, run: Run, schema: pa.Schema, rows: Sequence[Mapping[str, object]], **about: object
) -> None:
    """Write a table of one run, without the partition keys; what else a row holds is left out.

    The metadata say whose it is, in ``run``, and what ``about`` says.
    """
    inside = pa.schema([field for field in schema if field.name not in PARTITIONS])
    whole = [{**row, **run.coordinates} for row in rows]
    columns = {name: [row[name] for row in whole] for name in inside.names}
    write_parquet(path, pa.table(columns, schema=inside), about={"run": run.coordinates, **about})


def about(path: Path) -> dict:
    """Return what a table says it is, without reading its values.

    Raises:
        DamagedFileError: the file is missing, damaged, or not one of this project's.
        StorageError: it may not be read.
    """
    with reading(path, OSError, pa.ArrowException, ValueError):
        schema = pq.read_schema(path)
    return about_in(schema, path)


def read_run_table(
    path: Path, run: Run, schema: pa.Schema, expected: Mapping[str, object] | None = None
) -> pa.Table:
    """Read a table of one run, with all its coordinates as the first columns.

    Args:
        path: the file.
        run: the run it must belong to.
        schema: `schemas.RUNS`, `schemas.CURVES` or `schemas.MEASURES`.
        expected: what its metadata must say beside the run; other keys may be there.

    Raises:
        DamagedFileError: the file is missing, damaged, belongs to another run, or was made with
            other settings.
    """
    table = read_parquet(path)
    said = about_in(table.schema, path)
    if said.get("run") != run.coordinates:
        raise DamagedFileError(
            f"{path} belongs to another run ({said.get('run')}). {repair_hint(path)}"
        )
    if found := difference(said, expected or {}):
        raise OtherSettingsError(f"{path} was made with {found}")
    columns = dict(zip(table.column_names, table.columns, strict=True))
    coordinates = {name: [value] * table.num_rows for name, value in run.coordinates.items()}
    try:
        return pa.table(columns | coordinates, schema=schema)
    except (KeyError, pa.ArrowException) as error:
        raise DamagedFileError(
            f"{path} is not a table of this version ({error}). {repair_hint(path)}"
        ) from error


def difference(said: Mapping[str, object], expected: Mapping[str, object], path: str = "") -> str:
    """Return in words where what a file says differs from what is expected; empty if nowhere."""
    found = []
    for key, value in expected.items():
        name = f"{path}{key}"
        was = said.get(key)
        if isinstance(value, Mapping) and isinstance(was, Mapping):
            found.append(difference(was, value, f"{name}."))
        elif was != value:
            found.append(f"{name} = {was}, not {value}")
    return ", ".join(filter(None, found))
