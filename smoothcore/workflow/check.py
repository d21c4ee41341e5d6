"""Train a sample of finished runs again and compare: are the results still what they were?"""

import logging
import shlex
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa

from smoothcore.errors import DataError, InterruptedRunError, SettingsError
from smoothcore.files import schemas
from smoothcore.files.paths import Layout
from smoothcore.files.records import difference, read_run_table
from smoothcore.files.repair import repair_hint
from smoothcore.files.storage import read_parquet
from smoothcore.jobs.measuring import MeasuringFiles, measure_and_write
from smoothcore.jobs.settings import measuring_of
from smoothcore.jobs.training import TrainingFiles, train_run
from smoothcore.study.config import Study
from smoothcore.study.run import COORDINATES, Run
from smoothcore.training.determining import processor
from smoothcore.training.recipe import recipe_of
from smoothcore.workflow.adoption import adopt, read_adopted
from smoothcore.workflow.fingerprint import measuring_code, read_again, training_code
from smoothcore.workflow.published import published_tables

log = logging.getLogger(__name__)

#: columns of a record that follow from what was computed
COMPUTED = ("status", "epochs", "steps", "running_loss", "training_loss", "test_loss")
_KEY = ["measure", "estimator", "images", "network"]


@dataclass
class Comparison:
    """One run trained again.

    Attributes:
        run: its coordinates.
        differs: what has other bits, weights and values, in words; empty if all are equal.
        deviations: of each measure and estimator, |now − then| / the standard deviation over
            seeds; NaN where the study has one seed.
        code: fingerprint of the code now → of the code then, where bits are equal.
    """

    run: Run
    differs: str
    deviations: dict[str, float]
    code: dict[str, str]

    @property
    def most(self) -> tuple[float, str]:
        """The largest deviation, and of which measure; (0, "") if none moved."""
        # NaN where a study has one seed
        return max(((d, m) for m, d in self.deviations.items() if d > 0), default=(0.0, ""))

    def lines(self) -> list[str]:
        """Return what a person reads of it."""
        said = [f"{self.run}: {self.differs or 'equal bits'}"]
        if (most := self.most)[1]:
            said.append(f"    most {most[1]}, by {most[0]:.2g} standard deviations over seeds")
        return said


def refuse_other_checkout() -> None:
    """Make sure that in a checkout its own code is checked.

    Raises:
        SettingsError: the installed code is that of another checkout.
    """
    here, code = Path.cwd(), Path(__file__).parents[1]
    own = here / "smoothcore"
    if (here / "Snakefile").is_file() and own.is_dir() and not own.samefile(code):
        raise SettingsError(
            f"the code that would be checked is {code}, not that of this checkout. Run it as  "
            f"PYTHONPATH={shlex.quote(str(here))} {shlex.quote(sys.executable)} -m "
            "workflow_scripts.check_runs  with the same options, or install this checkout: python "
            "-m pip install -e ."
        )


def finished_runs(
    layout: Layout, study: Study, runs: Sequence[Run]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the records and measures of all finished runs, from their files or published tables.

    Raises:
        SettingsError: no run is finished, or one was made with other settings than the study's.
    """
    kinds = {"runs": (layout.record, schemas.RUNS), "measures": (layout.measured, schemas.MEASURES)}
    if tables := published_tables(layout.root):
        found = [read_parquet(tables / f"{name}.parquet") for name in kinds]
    else:
        there = [run for run in runs if layout.is_finished(run)]
        found = [
            pa.concat_tables([s.empty_table(), *(read_run_table(path(r), r, s) for r in there)])
            for path, s in kinds.values()
        ]
    for record in found[0].to_pylist():
        run = Run.from_coordinates(record)
        if said := difference(record, asdict(recipe_of(study, run))):
            raise SettingsError(
                f"{run} of {layout.root} was made with {said}: for that alone it would differ. Set "
                "the config back, or run `snakemake`, which trains it again."
            )
    records, measures = (table.to_pandas() for table in found)
    if records.empty:
        raise SettingsError(f"{layout.root} has no finished run to compare with")
    return records, measures


def n_of_other_code(
    layout: Layout, study: Study, records: pd.DataFrame, measures: pd.DataFrame
) -> int:
    """Count finished runs with code that is not known to make the bits of the present code."""
    names, (trained, measured) = read_adopted(layout.root), _codes(study, records)
    others = []
    for table, kind, now in ((records, "regularizer", trained), (measures, "measure", measured)):
        of = table[table[kind].isin(now)]
        differ = of["code"].replace(names) != of[kind].map(now).replace(names)
        others.append(of.loc[differ, list(COORDINATES)])
    return len(pd.concat(others).drop_duplicates())


def verdict(compared: Sequence[Comparison], sample: pd.DataFrame) -> list[str]:
    """Return in words whether all of a sample have equal bits, and what else to expect."""
    there = sorted(sample["processor"].unique())
    n_different = sum(bool(comparison.differs) for comparison in compared)
    if not n_different:
        return [f"All {len(compared)} have equal bits."]
    said = [f"{n_different} of {len(compared)} runs differ. Nothing is adopted."]
    if processor() not in there:
        said.append(
            f"They were trained on another kind of processor ({', '.join(there)}): other last bits "
            "are expected."
        )
        if worst := max(comparison.most[0] for comparison in compared):
            said.append(
                f"The largest difference of a measure is {worst:.3g} standard deviations over "
                "seeds."
            )
    return said


def adopt_code(
    layout: Layout,
    study: Study,
    records: pd.DataFrame,
    measures: pd.DataFrame,
    compared: Sequence[Comparison],
) -> list[str]:
    """Take the present code for that of runs with equal bits; return in words what it covers.

    Raises:
        SettingsError: the code was edited while the sample was computed.
    """
    read_again()
    now = {code for codes in _codes(study, records) for code in codes.values()}
    if not {new for of in compared for new in of.code} <= now:
        raise SettingsError(
            "the code was edited while the sample was computed: nothing is adopted. Start again."
        )
    equal = sorted({pair for comparison in compared for pair in comparison.code.items()})
    adopt(layout.root, equal, pd.concat([records["code"], measures["code"]]).value_counts())
    kinds = ", ".join(sorted({comparison.run.regularizer for comparison in compared}))
    said = [f"The present code is taken for that of the runs in the sample ({kinds})."]
    if n := n_of_other_code(layout, study, records, measures):
        said.append(
            f"{n} of {len(records)} finished runs are of code that is not known to be equal."
        )
    return said


def choose(runs: pd.DataFrame, seconds: float) -> pd.DataFrame:
    """Choose runs to train again: every code, regularizer and size in turn, the cheapest first.

    Where some were trained on this kind of processor, whose bits must be equal, only those.

    Args:
        runs: the records.
        seconds: what they may take together, by the time that each took.

    Returns:
        Records; at least the cheapest one.
    """
    of_here, left = runs[runs["processor"] == processor()], seconds
    runs = (runs if of_here.empty else of_here).reset_index(drop=True)
    kinds = runs.sort_values("seconds", kind="stable").groupby(["code", "regularizer", "size"])
    cheapest = kinds["seconds"].transform("min")
    turns = pd.DataFrame({"turn": kinds.cumcount(), "cheapest": cheapest})
    chosen: list[int] = []
    for i in turns.sort_values(["turn", "cheapest"]).index:
        if not chosen or runs.loc[i, "seconds"] <= left:
            chosen.append(i)
            left -= runs.loc[i, "seconds"]
    return runs.loc[chosen]


def compare(
    study: Study, layout: Layout, measures: pd.DataFrame, sample: pd.DataFrame
) -> Iterator[Comparison]:
    """Train and measure each run of a sample again, and compare it with what is stored.

    ``measures`` are those of all finished runs: they tell the scatter between seeds.

    Raises:
        DataError: the images are not there.
        InterruptedRunError: the process was told to stop.
    """
    data = layout.data(study.dataset)
    if not data.exists():
        raise DataError(f"{data} is missing. {repair_hint(data)}")
    # the code that is compared is that of now: it is remembered before anything is computed
    _codes(study, sample)
    measures = measures[measures["measure"].isin(study.measures.names)]
    spread = _spread_over_seeds(measures)
    for _, record in sample.iterrows():
        run = Run.from_coordinates(record)
        with tempfile.TemporaryDirectory() as folder:
            try:
                new, new_measures = _again(study, run, data, Layout(Path(folder)))
            except InterruptedRunError:
                said = f"told to stop while {run} was trained again; nothing is adopted"
                raise InterruptedRunError(said) from None
        yield _compared(run, record, new, measures, new_measures, spread)


def _codes(study: Study, records: pd.DataFrame) -> tuple[dict[str, str], dict[str, str]]:
    """Return the fingerprints of the code of now, by regularizer of these runs and by measure."""
    engine, names = study.training.engine, study.measures.names
    trained = {name: training_code(name, engine) for name in records["regularizer"].unique()}
    return trained, {name: measuring_code(name) for name in names}


def _again(study: Study, run: Run, data: Path, layout: Layout) -> tuple[pd.Series, pd.DataFrame]:
    recipe = recipe_of(study, run)
    paths = {"weights": layout.weights(run), "record": layout.record(run)}
    checkpoint = layout.checkpoint(run)
    train_run(
        run,
        recipe,
        training_code(run.regularizer, recipe.engine),
        TrainingFiles(data, **paths, curve=layout.curve(run), checkpoint=checkpoint),
    )
    measure_and_write(
        run,
        recipe,
        measuring_of(study),
        {name: measuring_code(name) for name in study.measures.names},
        MeasuringFiles(data, **paths, output=layout.measured(run), checkpoint=checkpoint),
    )
    record = read_run_table(layout.record(run), run, schemas.RUNS).to_pandas().iloc[0]
    return record, read_run_table(layout.measured(run), run, schemas.MEASURES).to_pandas()


def _compared(
    run: Run,
    old: pd.Series,
    new: pd.Series,
    measures: pd.DataFrame,
    new_measures: pd.DataFrame,
    spread: pd.Series,
) -> Comparison:
    of_run = measures[(measures[list(COORDINATES)] == list(run.coordinates.values())).all(axis=1)]
    new_measures = new_measures[new_measures["measure"].isin(of_run["measure"])]
    # a value that there is only then, or only now, is NaN on the other side
    both = of_run.merge(new_measures, "outer", on=_KEY, suffixes=("_then", "_now"))
    same = pd.Series(True, index=both.index)
    for name in ("value", "stderr", "n_samples"):
        then, now = both[f"{name}_then"], both[f"{name}_now"]
        # NaN, of a diverged run, is equal to NaN
        same &= (then == now) | (then.isna() & now.isna())
    # as above, NaN is equal to NaN
    moved = old[list(COMPUTED)].compare(new[list(COMPUTED)])
    words = [f"{name} {then} → {now}" for name, then, now in moved.itertuples()]
    if old["weights_sha256"] != new["weights_sha256"]:
        words.insert(0, "weights")
    shift = (both["value_now"] - both["value_then"]).abs()
    if not same.all():
        relative = (shift / both["value_then"].abs())[~same].fillna(float("inf"))
        row = both.loc[relative.idxmax()]
        words.append(
            f"{(~same).sum()} of {len(both)} measured values, most {row['measure']} "
            f"({row['estimator']}) {row['value_then']:.6g} → {row['value_now']:.6g}"
        )
    main = both[both["main_then"].eq(True)]
    scale = [
        spread.get((run.pair, m, e), float("nan"))
        for m, e in main[["measure", "estimator"]].to_numpy()
    ]
    names = main["measure"] + " (" + main["estimator"] + ")"
    deviations = dict(zip(names, shift[main.index] / scale, strict=True))
    code = {new["code"]: old["code"]} | dict(zip(both["code_now"], both["code_then"], strict=True))
    return Comparison(run, "; ".join(words), deviations, {} if words else code)


def _spread_over_seeds(measures: pd.DataFrame) -> pd.Series:
    """Return the standard deviation over seeds, mean over sizes, by pair, measure, estimator."""
    main = measures[measures["main"] & (measures["lambda"] == 0)]
    by_seed = main.groupby(["pair", "size", "learning_rate", "measure", "estimator"])["value"]
    return by_seed.std().dropna().groupby(["pair", "measure", "estimator"]).mean()
