"""Published results: the tables of a study without its weights, and files of runs from them.

A fresh checkout with published tables goes on where they end: `restore` writes the record, the
curve and the measures of each published run to where the workflow expects them, so that only what
is missing is trained. The weights are not there; they are trained again only where somebody asks
for them. A checkout that has restored runs restores those that are published later, too.
"""

import hashlib
import json
import os
from dataclasses import fields
from pathlib import Path
from typing import Any

from smoothcore.errors import DamagedFileError
from smoothcore.files.paths import Layout
from smoothcore.jobs.settings import MeasuringSettings
from smoothcore.study.run import Run
from smoothcore.training.recipe import Recipe

#: lists the runs that were restored; its date says when
RESTORED = "restored.json"
TABLES = ("runs.parquet", "measures.parquet", "curves.parquet")
#: says what made the published tables, and their SHA-256
PAGE = "README.md"

#: the date of `RESTORED` until all files are restored
_UNFINISHED = 0.0

#: a restored file is older than whatever is made of it
_SECONDS_OLDER = 60


def published_tables(root: Path) -> Path | None:
    """Return the folder with published tables, ``results/<name>`` or its ``partial``, else None.

    Where both have some, those with more runs. Where files of runs lie beside them, those count,
    and the answer is None, unless the tables were published after runs were restored.

    Raises:
        DamagedFileError: a table is damaged.
    """
    found = [
        folder
        for folder in (root, root / "partial")
        if all((folder / name).exists() for name in TABLES) and _is_news(folder, root)
    ]
    return max(found, key=_n_runs) if len(found) > 1 else next(iter(found), None)


def _is_news(folder: Path, root: Path) -> bool:
    """Tell whether tables may hold runs that are not there: nothing was restored of them yet."""
    if not (root / "runs").exists():
        return True
    page, restored = folder / PAGE, root / RESTORED
    if not restored.exists():
        return False
    date = restored.stat().st_mtime
    if date == _UNFINISHED:
        return True
    if not page.exists() or page.stat().st_mtime <= date:
        return False
    # tables that this study has written itself, since, are not the published ones
    digest = hashlib.sha256((folder / TABLES[0]).read_bytes()).hexdigest()
    return digest in page.read_text(encoding="utf-8")


def _n_runs(tables: Path) -> int:
    from smoothcore.files.storage import read_parquet

    return read_parquet(tables / TABLES[0]).num_rows


def restored_runs(layout: Layout) -> set[Run]:
    """Return the runs whose files were restored from published tables, so without weights.

    Raises:
        DamagedFileError: the list of them is damaged.
    """
    path = layout.root / RESTORED
    try:
        return {Run(*row) for row in json.loads(path.read_text(encoding="utf-8"))}
    except FileNotFoundError:
        return set()
    except (ValueError, TypeError) as error:
        raise DamagedFileError(
            f"{path} is damaged ({error}). It lists the runs that have no weights. Delete it: they "
            "are trained again."
        ) from None


def restore(layout: Layout, tables: Path) -> int:
    """Write the curve, the measures and the record of each published run that has no record.

    The record comes last: a run without one is not restored, and the next start goes on with it.

    Args:
        layout: where the files go.
        tables: the folder with the published `TABLES`.

    Returns:
        How many runs were restored.

    Raises:
        DamagedFileError: a table is damaged, or they do not belong together.
    """
    from smoothcore.files import schemas
    from smoothcore.files.records import about, write_rows
    from smoothcore.files.storage import atomic_write

    runs, measures, curves = (_by_run(tables / name) for name in TABLES)
    study = about(tables / TABLES[1])["study"]["measures"]
    measuring = {field.name: study[field.name] for field in fields(MeasuringSettings)}
    time = (tables / TABLES[0]).stat().st_mtime - _SECONDS_OLDER
    new = [run for run in runs if not layout.record(run).exists()]
    if lacking := [run for run in new if run not in measures or run not in curves]:
        raise DamagedFileError(
            f"{tables} is not whole: {lacking[0]} is in {TABLES[0]} and not in the other tables. "
            "Restore the folder from version control, or delete it."
        )
    with atomic_write(layout.root / RESTORED) as temporary:
        named = [list(run.coordinates.values()) for run in {*restored_runs(layout), *new}]
        temporary.write_text(json.dumps(sorted(named)), encoding="utf-8")
        os.utime(temporary, (_UNFINISHED, _UNFINISHED))
    (layout.root / "runs").mkdir(exist_ok=True)  # of tables without a run, too
    for run in new:
        (record,) = runs[run]
        recipe = {"recipe": {field.name: record[field.name] for field in fields(Recipe)}}
        made_with = {"settings": measuring, "network": record["weights_sha256"]}
        for path, schema, rows, said in (
            (layout.curve(run), schemas.CURVES, curves[run], recipe),
            (layout.measured(run), schemas.MEASURES, measures[run], made_with),
            (layout.record(run), schemas.RUNS, [record], recipe),
        ):
            write_rows(path, run, schema, rows, **said)
            os.utime(path, (time, time))
    os.utime(layout.root / RESTORED)
    return len(new)


def _by_run(path: Path) -> dict[Run, list[dict[str, Any]]]:
    """Return the rows of each run of a table."""
    from smoothcore.files.storage import read_parquet

    rows: dict[Run, list[dict[str, Any]]] = {}
    for row in read_parquet(path).to_pylist():
        rows.setdefault(Run.from_coordinates(row), []).append(row)
    return rows
