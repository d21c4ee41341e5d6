"""Published results: the tables of a study without its weights, and files of runs from them."""

import json
import os
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smoothcore.errors import DamagedFileError
from smoothcore.files.paths import Layout
from smoothcore.files.repair import reading
from smoothcore.files.storage import atomic_write, read_parquet, sha256_of, storage_errors
from smoothcore.jobs.settings import MeasuringSettings
from smoothcore.results import COLLECTED
from smoothcore.study.run import Run
from smoothcore.training.recipe import Recipe

if TYPE_CHECKING:
    import pyarrow as pa

#: lists the runs that were restored, and tells of which tables
RESTORED = "restored.json"
#: says what made the published tables, and their SHA-256
PAGE = "README.md"

#: a restored file is older than whatever is made of it
_SECONDS_OLDER = 60


def published_tables(root: Path) -> Path | None:
    """Return the folder with published tables, ``results/<name>`` or its ``partial``, else None.

    Where both have some, those with more runs. Where files of runs lie beside them, those count,
    and the answer is None.

    Raises:
        DamagedFileError: a table is damaged.
    """
    return None if (root / "runs").exists() else _tables(root)


def tables_to_restore(root: Path) -> Path | None:
    """Return the same, also where runs of other tables were restored from there before.

    Tables that the study has written itself, since, are not the published ones.

    Raises:
        DamagedFileError: a table, or the list of what was restored, is damaged.
    """
    tables = _tables(root)
    if tables is None or not (root / "runs").exists():
        return tables
    restored, digest = _remembered(root)
    if restored and not _has_runs(root):  # all were deleted since, and the folders stayed
        return tables
    if restored is None or (digest and not _is_news(tables, digest)):
        return None
    return tables


def _has_runs(root: Path) -> bool:
    """Tell whether a run has a record; a folder that was emptied has none."""
    return any((root / "runs").rglob("*.parquet"))


def _tables(root: Path) -> Path | None:
    folders = (root, root / "partial")
    found = [f for f in folders if all((f / name).exists() for name in COLLECTED)]
    if len(found) < 2:
        return next(iter(found), None)
    return max(found, key=lambda tables: read_parquet(tables / COLLECTED[0]).num_rows)


def _is_news(tables: Path, seen: str) -> bool:
    """Tell whether tables are others than those seen, and named by the page beside them."""
    digest, page = sha256_of(tables / COLLECTED[0]), tables / PAGE
    if digest == seen or not page.exists():
        return False
    with reading(page):
        return digest.encode() in page.read_bytes()


def restored_runs(layout: Layout) -> set[Run]:
    """Return the runs whose files were restored from published tables, so without weights.

    Raises:
        DamagedFileError: the list of them is damaged.
    """
    return _remembered(layout.root)[0] or set()


def _remembered(root: Path) -> tuple[set[Run] | None, str]:
    """Return the runs restored, None if nothing was, and the SHA-256 of their table.

    It is empty while they are being restored.
    """
    path = root / RESTORED
    if not path.exists():
        return None, ""
    hint = "It lists the runs that have no weights. Delete it: they are trained again."
    with reading(path, ValueError, TypeError, KeyError, hint=lambda path: hint):
        said = json.loads(path.read_text(encoding="utf-8"))
        return {Run(*row) for row in said["runs"]}, said["of"]


def _remember(root: Path, runs: Iterable[Run], digest: str) -> None:
    with atomic_write(root / RESTORED) as temporary:
        said = {"of": digest, "runs": sorted(list(run.coordinates.values()) for run in runs)}
        temporary.write_text(json.dumps(said), encoding="utf-8")


def remember_own(root: Path, tables: Path) -> None:
    """Note that tables are published from where they lie: none of their runs is to be restored."""
    restored, _ = _remembered(root)
    if restored is not None:
        _remember(root, restored, sha256_of(tables / COLLECTED[0]))


def restore(layout: Layout, tables: Path) -> int:
    """Write the curve, the measures and the record of each published run that is not there.

    One that was restored before is written again. One that was trained here stays, and so does the
    gap where somebody deleted a record to have the run trained again. The record comes last: an
    interrupted restore goes on at the next start.

    Args:
        layout: where the files go.
        tables: the folder with the published `COLLECTED`.

    Returns:
        How many runs were restored.

    Raises:
        DamagedFileError: a table is damaged, or they do not belong together.
        StorageError: the files cannot be written.
    """
    from smoothcore.files import schemas
    from smoothcore.files.records import about, write_rows

    digest = sha256_of(tables / COLLECTED[0])
    kinds = (schemas.RUNS, schemas.MEASURES, schemas.CURVES)
    runs, measures, curves = (
        _by_run(tables / name, schema) for name, schema in zip(COLLECTED, kinds, strict=True)
    )
    if lacking := [run for run in runs if run not in measures or run not in curves]:
        raise DamagedFileError(
            f"{tables} is not whole: {lacking[0]} is in {COLLECTED[0]} and not in the other "
            "tables. Restore the folder from version control, or delete it."
        )
    study = about(tables / COLLECTED[1])["study"]["measures"]
    measuring = {field.name: study[field.name] for field in fields(MeasuringSettings)}
    time = (tables / COLLECTED[0]).stat().st_mtime - _SECONDS_OLDER
    restored, seen = _remembered(layout.root)
    before = restored or set()
    all_again = not seen or not _has_runs(layout.root)

    def is_asked_for(run: Run) -> bool:
        there = layout.record(run).exists()
        return not layout.weights(run).exists() and (
            there or all_again if run in before else not there
        )

    named = before | set(filter(is_asked_for, runs))
    _remember(layout.root, named, "")
    with storage_errors(layout.root / "runs"):
        (layout.root / "runs").mkdir(exist_ok=True)  # of tables without a run, too
    n = 0
    for run, (record,) in runs.items():
        if not is_asked_for(run):  # asked again: beside a workflow that trains
            continue
        recipe = {"recipe": {field.name: record[field.name] for field in fields(Recipe)}}
        made_with = {"settings": measuring, "network": record["weights_sha256"]}
        for path, schema, rows, said in (
            (layout.curve(run), schemas.CURVES, curves[run], recipe),
            (layout.measured(run), schemas.MEASURES, measures[run], made_with),
            (layout.record(run), schemas.RUNS, [record], recipe),
        ):
            write_rows(path, run, schema, rows, **said)
            os.utime(path, (time, time))
        n += 1
    _remember(layout.root, (run for run in named if not layout.weights(run).exists()), digest)
    return n


def forget(layout: Layout) -> int:
    """Delete the files of the restored runs that were not trained here; return how many runs.

    The tables that they come from stay, and `restore` brings them back.
    """
    runs = [run for run in restored_runs(layout) if not layout.weights(run).exists()]
    with storage_errors(layout.root / "runs"):
        for run in runs:
            for path in (layout.record(run), layout.measured(run), layout.curve(run)):
                path.unlink(missing_ok=True)
    if runs:
        _remember(layout.root, [], "")
    return len(runs)


def _by_run(path: Path, schema: "pa.Schema") -> dict[Run, list[dict[str, Any]]]:
    """Return the rows of each run of a table."""
    rows: dict[Run, list[dict[str, Any]]] = {}
    table = read_parquet(path)
    if missing := [name for name in schema.names if name not in table.column_names]:
        raise DamagedFileError(
            f"{path} has no column {missing[0]!r}: another version published it. Check out that "
            "version, or set `published: false`, which trains everything."
        )
    for row in table.to_pylist():
        rows.setdefault(Run.from_coordinates(row), []).append(row)
    return rows
