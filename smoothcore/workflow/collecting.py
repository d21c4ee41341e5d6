"""What the files of all runs say together: one table for all, and where a search goes on."""

import contextlib
import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from smoothcore.errors import DamagedFileError
from smoothcore.files.paths import Layout
from smoothcore.files.storage import about_in, read_parquet
from smoothcore.jobs.settings import measuring_of
from smoothcore.measures import Measurement
from smoothcore.study.config import Study, load_study
from smoothcore.study.grid import search_steps
from smoothcore.study.run import COORDINATES, Run
from smoothcore.training.recipe import recipe_of
from smoothcore.workflow.adoption import read_adopted
from smoothcore.workflow.fingerprint import measuring_code, training_code
from smoothcore.workflow.published import restored_runs

if TYPE_CHECKING:
    import pyarrow as pa

_MOST_NAMED = 3

#: epochs that the table of all curves keeps of a curve; a run's own file keeps more
CURVE_POINTS = 60


def read_grid(path: Path) -> tuple[Study, list[Run]]:
    """Return the study that a grid table was written for, and its runs.

    Raises:
        DamagedFileError: the file is missing or damaged.
    """
    table = read_parquet(path)
    study = load_study(about_in(table.schema, path), str(path))
    return study, [Run.from_coordinates(row) for row in table.to_pylist()]


def search_so_far(study: Study, layout: Layout) -> dict[str, int]:
    """Return how many λ beyond the grid are asked for, by regularizer, from the records there."""
    return search_steps(
        study, lambda run: (record_of(study, layout, run) or {}).get("interpolates")
    )


def record_of(study: Study, layout: Layout, run: Run) -> dict[str, Any] | None:
    """Return the record of a run; None if it lacks one of these settings: it is trained again."""
    # a study without a search asks of no run, and starts without pyarrow
    from smoothcore.files import schemas
    from smoothcore.files.records import read_run_table

    try:
        table = read_run_table(layout.record(run), run, schemas.RUNS, trained_with(study, run))
    except DamagedFileError:
        return None
    return table.to_pylist()[0]


def digest_of_present_runs(layout: Layout, runs: Iterable[Run]) -> str:
    """Return a digest of which files of runs exist and when they were written."""
    digest = hashlib.sha256()
    for run in runs:
        for path in (layout.record(run), layout.measured(run), layout.curve(run)):
            with contextlib.suppress(FileNotFoundError):
                digest.update(f"{path} {path.stat().st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def missing_in_words(layout: Layout, runs: Sequence[Run]) -> str:
    """Return in words how many runs lack a record, their measures, or weights."""
    missing = {run for run in runs if not layout.is_finished(run)}
    weightless = {run for run in runs if not layout.weights(run).exists()}
    without_weights = weightless - missing - restored_runs(layout)
    said = _missing(missing, runs) if missing else f"all {len(runs)} runs are there"
    if without_weights:
        number = len(without_weights)
        said += f"; finished without weights: {number}, which `snakemake` would train again"
    return said


def _missing(missing: Collection, runs: Collection) -> str:
    return f"{len(missing)} of {len(runs)} runs {'is' if len(missing) == 1 else 'are'} missing"


def collect(
    layout: Layout, study: Study, runs: Sequence[Run], *, allow_missing: bool = False
) -> "tuple[pa.Table, pa.Table, pa.Table]":
    """Return records, measures and loss curves of all runs, as tables in the order of ``runs``.

    A loss curve is thinned to about `CURVE_POINTS` epochs.

    Args:
        layout: where the tables of the runs lie.
        study: the settings they must have been made with.
        runs: the runs of the grid.
        allow_missing: leave out runs that are not finished instead of refusing.

    Raises:
        DamagedFileError: a file is damaged, was made with other settings than the study's, by other
            code than the present or of another network than the record's, lacks a measure, or is
            missing and not allowed to be.
    """
    from smoothcore.files import schemas

    if allow_missing:  # one answer for all three tables, whatever ends while they are read
        runs = [run for run in runs if layout.is_finished(run)]
    records, measures = records_and_measures(layout, study, runs)
    recipe = partial(trained_with, study)
    curves = _concatenated(runs, layout.curve, schemas.CURVES, recipe, shorten=_thinned)
    return records, measures, curves


def records_and_measures(
    layout: Layout, study: Study, runs: Sequence[Run]
) -> "tuple[pa.Table, pa.Table]":
    """Return the first two tables of `collect`, which say whether a run is of this study."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from smoothcore.files import schemas

    measuring = {"settings": asdict(measuring_of(study))}
    names = read_adopted(layout.root)
    wanted = {measure: measuring_code(measure) for measure in study.measures.names}

    def equal(code: str, now: str) -> bool:
        return names.get(code, code) == names.get(now, now)

    def trained_by(run: Run, table: "pa.Table") -> str:
        now = training_code(run.regularizer, study.training.engine)
        return "" if equal(table["code"][0].as_py(), now) else "was trained by other code"

    def measured_by(run: Run, table: "pa.Table") -> str:
        found = dict(zip(table["measure"].to_pylist(), table["code"].to_pylist(), strict=True))
        other = [m for m in wanted if m in found and not equal(found[m], wanted[m])]
        missing = [m for m in wanted if m not in found]
        said = [f"lacks {', '.join(missing)}"] if missing else []
        return " and ".join([*said, *([f"has {', '.join(other)} of other code"] if other else [])])

    def asked_for(table: "pa.Table") -> "pa.Table":
        table = table.filter(pc.is_in(table["measure"], pa.array(wanted)))
        # a measure may be defined on other images than when the run was measured on both
        rows = table.select(["measure", "network", "images"]).to_pylist()
        main = [
            Measurement(**row, estimator="", value=0, stderr=0, n_samples=0).main for row in rows
        ]
        at = table.schema.get_field_index("main")
        return table.set_column(at, table.schema.field(at), pa.array(main, pa.bool_()))

    recipe = partial(trained_with, study)
    records = _concatenated(runs, layout.record, schemas.RUNS, recipe, trained_by)
    trained = records.select([*COORDINATES, "weights_sha256", "data_sha256"]).to_pylist()
    images: dict[tuple, str] = {}
    for row in trained:
        where = row["pair"], row["size"]
        if images.setdefault(where, row["data_sha256"]) != row["data_sha256"]:
            raise DamagedFileError(
                f"the runs of pair {row['pair']} with {row['size']} images were not all trained on "
                "the same images. A study is not a mixture: give it a name of its own, or delete "
                f"{layout.root / 'runs'} and {layout.root / 'weights'} to train all again."
            )
    networks = {Run.from_coordinates(row): row["weights_sha256"] for row in trained}

    def measured(run: Run) -> dict[str, object]:
        return measuring | {"network": networks[run]}

    measures = _concatenated(
        runs, layout.measured, schemas.MEASURES, measured, measured_by, asked_for
    )
    return records, measures


def trained_with(study: Study, run: Run) -> dict[str, object]:
    """Return what the record and the curve of a run of this study say they were made with."""
    return {"recipe": asdict(recipe_of(study, run))}


def _thinned(curve: "pa.Table") -> "pa.Table":
    """Return about `CURVE_POINTS` epochs of a curve, evenly spread over the logarithm of the epoch.

    The first and the last epoch stay.
    """
    epochs = curve["epoch"].to_numpy()
    if len(epochs) <= CURVE_POINTS:
        return curve
    wanted = np.geomspace(epochs[0], epochs[-1], CURVE_POINTS)
    kept = np.unique(np.searchsorted(epochs, wanted).clip(max=len(epochs) - 1))
    return curve.take(kept)


def _concatenated(
    runs: Sequence[Run],
    path_of: Callable[[Run], Path],
    schema: "pa.Schema",
    expected: Callable[[Run], Mapping[str, object]],
    complaint: "Callable[[Run, pa.Table], str]" = lambda run, table: "",
    shorten: "Callable[[pa.Table], pa.Table]" = lambda table: table,
) -> "pa.Table":
    import pyarrow as pa

    from smoothcore.files.records import OtherSettingsError, read_run_table

    missing = [path_of(run) for run in runs if not path_of(run).exists()]
    if missing:
        raise DamagedFileError(
            f"{_missing(missing, runs)}, the first is {missing[0]}. "
            "Run `snakemake` to compute them, or `snakemake partial` for tables without them."
        )
    tables, others = [], []
    for run in runs:
        try:
            table = read_run_table(path_of(run), run, schema, expected(run))
        except OtherSettingsError as error:
            others.append(str(error))
            continue
        if said := complaint(run, table):
            others.append(f"{path_of(run)} {said}")
        tables.append(shorten(table))
    if others:
        named = "\n".join(f"  {error}" for error in others[:_MOST_NAMED])
        more = f"\n  and {len(others) - _MOST_NAMED} more" if len(others) > _MOST_NAMED else ""
        raise DamagedFileError(
            f"{len(others)} of {len(runs)} runs were not made with the settings and the code of "
            f"the study:\n{named}{more}\nA study is not a mixture. Set the config or the code "
            "back, or give the study a name of its own. Or run `snakemake`, and delete the files "
            "that it leaves as they are: it makes them again, and trains the runs that have no "
            "weights. If an edit of the code changes no result, `smoothcore check-runs --adopt` "
            "shows it."
        )
    return pa.concat_tables([schema.empty_table(), *tables])
