"""Published results: the tables of a study without its weights, and files of runs from them.

A fresh checkout with published tables goes on where they end: `restore` writes the record, the
curve and the measures of each published run to where the workflow expects them, so that only what
is missing is trained. The weights are not there; they are trained again only where somebody asks
for them.
"""

import json
import os
import shutil
from dataclasses import fields
from pathlib import Path
from typing import Any

from smoothcore.errors import DamagedFileError
from smoothcore.files.paths import Layout
from smoothcore.jobs.settings import MeasuringSettings
from smoothcore.study.run import Run
from smoothcore.training.recipe import Recipe

#: lists the runs that were restored
RESTORED = "restored.json"
TABLES = ("runs.parquet", "measures.parquet", "curves.parquet")

#: records wait here until all files are restored
_UNFINISHED = ".restoring"

#: a restored file is older than whatever is made of it
_SECONDS_OLDER = 60


def published_tables(root: Path) -> Path | None:
    """Return the folder with published tables, ``results/<name>`` or its ``partial``, else None.

    Where both have some, those with more runs. Where files of runs lie beside them, those count,
    and the answer is None.

    Raises:
        DamagedFileError: a table is damaged.
    """
    if (root / "runs").exists():
        return None
    folders = (root, root / "partial")
    found = [f for f in folders if all((f / name).exists() for name in TABLES)]
    return max(found, key=_n_runs) if len(found) > 1 else next(iter(found), None)


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
    """Write the record, the curve and the measures of each published run; return how many runs.

    All records are moved to their place at once, in the end: what an interruption leaves counts as
    not restored, and the next start restores it.

    Args:
        layout: where the files go.
        tables: the folder with the published `TABLES`.

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
    unfinished = Layout(layout.root / _UNFINISHED)
    shutil.rmtree(unfinished.root, ignore_errors=True)
    for run, (record,) in runs.items():
        if run not in measures or run not in curves:
            raise DamagedFileError(
                f"{tables} is not whole: {run} is in {TABLES[0]} and not in the other tables. "
                f"Restore the folder from version control, or delete it."
            )
        recipe = {"recipe": {field.name: record[field.name] for field in fields(Recipe)}}
        made_with = {"settings": measuring, "network": record["weights_sha256"]}
        for path, schema, rows, said in (
            (layout.curve(run), schemas.CURVES, curves[run], recipe),
            (unfinished.record(run), schemas.RUNS, [record], recipe),
            (layout.measured(run), schemas.MEASURES, measures[run], made_with),
        ):
            write_rows(path, run, schema, rows, **said)
            os.utime(path, (time, time))
    with atomic_write(layout.root / RESTORED) as temporary:
        named = [list(run.coordinates.values()) for run in runs]
        temporary.write_text(json.dumps(named), encoding="utf-8")
    # of tables without a run there is none
    (unfinished.root / "runs").mkdir(parents=True, exist_ok=True)
    (unfinished.root / "runs").rename(layout.root / "runs")
    unfinished.root.rmdir()
    return len(runs)


def _by_run(path: Path) -> dict[Run, list[dict[str, Any]]]:
    """Return the rows of each run of a table."""
    from smoothcore.files.storage import read_parquet

    rows: dict[Run, list[dict[str, Any]]] = {}
    for row in read_parquet(path).to_pylist():
        rows.setdefault(Run.from_coordinates(row), []).append(row)
    return rows
