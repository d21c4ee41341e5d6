"""Put the results of a study where version control keeps them, with a page on what made them."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from smoothcore.errors import SettingsError
from smoothcore.files.records import about
from smoothcore.files.repair import repair_hint
from smoothcore.files.storage import atomic_write, read_parquet, sha256_of
from smoothcore.results import COLLECTED
from smoothcore.results.report.provenance import git_commit, listed, made_from
from smoothcore.study.run import COORDINATES, STATUSES
from smoothcore.workflow.adoption import adopt, read_adopted
from smoothcore.workflow.published import PAGE, remember_own

#: what is published: no weights, no logs, no figure that prints better than it shows
SUFFIXES = (".parquet", ".csv", ".svg", ".png", ".html")


def publish(folder: Path, destination: Path) -> Path:
    """Copy the tables, figures and report of a study; return the folder they are in.

    Args:
        folder: ``results/<name>``. Where it has no report of the whole study, its ``partial`` is
            published, into a folder of that name.
        destination: ``results/<name>`` of the checkout that publishes.

    Raises:
        SettingsError: no report was made yet, or what lies there does not belong together.
        StorageError: the files cannot be written.
    """
    whole = (folder / "report.html").exists() and _is_whole(folder)
    source = folder if whole else folder / "partial"
    target = destination if whole else destination / "partial"
    missing = [name for name in (*COLLECTED, "report.html") if not (source / name).exists()]
    if missing:
        raise SettingsError(
            f"{source} lacks {', '.join(missing)}. {repair_hint(source / missing[-1])}"
        )
    report = source / "report.html"
    if not whole and about(source / COLLECTED[0])["study"] != about(folder / "grid.parquet"):
        raise SettingsError(
            f"{source} was made for other settings than {folder / 'grid.parquet'}. "
            f"{repair_hint(report)}"
        )
    said = report.read_text(encoding="utf-8")
    for name, digest in made_from(source).items():
        if digest not in said:
            raise SettingsError(f"{report} was made from another {name}. {repair_hint(report)}")
    files = sorted(path for path in source.iterdir() if path.suffix in SUFFIXES)
    in_place = folder.resolve() == destination.resolve()
    if not in_place:
        for path in files:
            _copy(path, target / path.name)
        _copy(folder / "grid.parquet", destination / "grid.parquet")
        if adopted := read_adopted(folder):
            adopt(destination, adopted.items(), {})
    with atomic_write(target / PAGE) as temporary:
        text = "\n".join(_page(target, folder, whole)) + "\n"
        temporary.write_text(text, encoding="utf-8")
    if in_place:
        remember_own(folder, target)
    if whole:
        shutil.rmtree(destination / "partial", ignore_errors=True)
    return target


def _copy(source: Path, target: Path) -> None:
    with atomic_write(target) as temporary:
        shutil.copyfile(source, temporary)


def _is_whole(folder: Path) -> bool:
    """Tell whether the tables are of the settings and the runs that the study has now."""
    grid, runs = folder / "grid.parquet", folder / COLLECTED[0]
    if not (grid.exists() and runs.exists()) or about(grid) != about(runs)["study"]:
        return False
    asked, there = (read_parquet(p).select(COORDINATES).to_pylist() for p in (grid, runs))
    return asked == there


def _page(target: Path, folder: Path, whole: bool) -> Iterator[str]:
    runs = read_parquet(target / "runs.parquet").to_pandas()
    n_in_grid = read_parquet(folder / "grid.parquet").num_rows
    yield f"# Results of the study `{folder.name}`"
    yield ""
    yield f"{len(runs):,} of {n_in_grid:,} runs" + (
        ", the whole grid." if whole else ". The others are still to be trained."
    )
    yield "The report is `report.html`. The columns of the tables are described in the docs."
    again = f"smoothcore check-runs --folder results/{folder.name}"
    yield f"`{again}` trains a sample again and compares."
    yield ""
    yield from _table("ended as", {s: int((runs["status"] == s).sum()) for s in STATUSES}, "runs")
    yield from _table("made by", _made_by(runs, folder), "")
    files = [path for path in sorted(target.iterdir()) if path.suffix in SUFFIXES]
    files += [] if whole else [folder / "grid.parquet"]
    hashes = {p.name: f"`{sha256_of(p)}`" for p in files}
    size = sum(path.stat().st_size for path in files)
    yield from _table("file", hashes, f"SHA-256 ({size / 1e6:.1f} MB in all)")


def _made_by(runs: pd.DataFrame, folder: Path) -> dict[str, str]:
    return {
        "commit of these tables": git_commit(folder.absolute().parent.parent),
        "core hours of training, by the clock": f"{runs['seconds'].sum() / 3600:.1f}",
        "SGD steps": f"{runs['steps'].sum():,}",
        "code of training": _counted(runs["code"]),
        "processors": _counted(runs["processor"]),
        "engine": _counted(runs["engine"]),
        "versions": _counted(runs["versions"].map(listed)),
    }


def _counted(column: pd.Series) -> str:
    return "; ".join(f"{value} ({count:,})" for value, count in column.value_counts().items())


def _table(head: str, rows: Mapping[str, object], second: str) -> Iterator[str]:
    yield f"| {head} | {second} |"
    yield "| --- | --- |"
    for name, value in rows.items():
        yield f"| {name} | {value} |"
    yield ""
