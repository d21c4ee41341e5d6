"""The tables of the page: their cells as text, with the value each is sorted by."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd
from markupsafe import Markup

from smoothcore.readable import NO_VALUE, duration, plain_lambda, two_decimals
from smoothcore.regularizers import NONE, all_regularizers
from smoothcore.results import comparison, selection
from smoothcore.results.comparison import Compared, compared
from smoothcore.results.paper import N_PAIRS

R_NORM = Markup("<i>r</i><sub>norm</sub>")
L_S = Markup("<i>l<sub>S</sub></i>")


class Cell(NamedTuple):
    """One cell: what it shows, what it is sorted by, its name for tests."""

    text: Any
    value: Any = None
    key: str = ""


@dataclass(frozen=True)
class Table:
    """A table of the page. Its caption is in ``page.html``.

    Attributes:
        name: unique on the page.
        heads: of the columns; an empty one is of a drawing.
        rows: cells, or plain text of a cell, of which the first heads its row.
        text: the columns that are no numbers; the first never is.
        wide: takes more than the width of the text.
        pairs: its rows are pairs, to be filtered.
    """

    name: str
    heads: list[Any]
    rows: list[list[Cell]]
    text: tuple[int, ...] = ()
    wide: bool = False
    pairs: bool = False


def _table(name: str, heads: list, rows: Iterable[list], **options) -> Table:
    cells = [[c if isinstance(c, Cell) else Cell(c) for c in row] for row in rows]
    return Table(name, heads, cells, **options)


def _below(*lines: str | Markup) -> Markup:
    """Return lines in small type, which stand below a cell's text; empty ones are left out."""
    return Markup("").join(Markup("<small>{}</small>").format(line) for line in lines if line)


def _power(value: float) -> Markup:
    """Return λ as 3.2 × 10⁻⁴."""
    mantissa, _, exponent = plain_lambda(value).replace("-", "−").partition("e")
    factor = "" if mantissa == "1" else f"{mantissa} × "
    return Markup(f"{factor}10<sup>{exponent}</sup>" if exponent else mantissa)


def _lambda(value: float, paper: float = math.nan) -> Cell:
    """Return λ, and below it the paper's where that is another."""
    small = Markup("") if math.isnan(paper) else Markup("paper {}").format(_power(paper))
    return Cell(_power(value) + _below(small), value)


def _number(form: str) -> Callable[[float], Cell]:
    return lambda value: Cell(
        NO_VALUE if pd.isna(value) else form.format(value).replace("-", "−"), value
    )


_count = _number("{:,.0f}")


def _of(part: float, whole: float, small: str = "") -> Cell:
    return Cell(f"{part:,.0f} of {whole:,.0f}" + _below(small), part)


def _mean(value: Compared, key: str = "", text: str = "", small: str = "") -> Cell:
    """Return a mean with its interval below it, and ``small`` below that."""
    below = _below("" if pd.isna(value.low) else value.interval, small)
    return Cell((text or two_decimals(value.mean)) + below, value.mean, key)


def _swatch(measure: str, text: str, small: str = "") -> Cell:
    color = f"--measure: var(--color-{measure})"
    swatch = Markup('<span class="swatch" style="{}" aria-hidden="true"></span>{}')
    return Cell(swatch.format(color, text) + _below(small))


def _regularizer(name: str) -> Cell:
    about = all_regularizers().get(name)
    return _swatch(about.measure, name) if about else Cell("λ = 0" if name == NONE else name)


def _paper(value: Compared, *, is_papers: bool) -> list[Cell]:
    """Return the paper's mean, and ours less the paper's with the verdict."""
    marks = {"within": "✓ within", "higher": "▲ higher", "lower": "▼ lower"}
    mark = Markup("")
    if is_papers and value.verdict:
        css = "within" if value.verdict == "within" else "differs"
        mark = Markup('<span class="mark {}">{}</span>').format(css, marks[value.verdict])
    return [Cell(value.paper, value.paper_mean), Cell(value.difference + mark)]


def _strip(value: Compared, low: float, high: float) -> Cell:
    """Draw the interval as a line, our mean as a dot, the paper's as a hollow diamond."""
    if pd.isna(value.mean):
        return Cell("")

    def at(x: float) -> str:
        return f"{2 + 92 * (min(max(x, low), high) - low) / (high - low):.1f}"

    parts = ['<line class="axis" x1="2" x2="94" y1="8" y2="8"/>']
    if low < 0:
        parts.append(f'<line class="axis" x1="{at(0)}" x2="{at(0)}" y1="3" y2="13"/>')
    if not pd.isna(value.low):
        ends = f'x1="{at(value.low)}" x2="{at(value.high)}"'
        parts.append(f'<line class="interval" {ends} y1="8" y2="8"/>')
    if not pd.isna(value.paper_mean):
        place = f"translate({at(value.paper_mean)} 8)"
        parts.append(f'<path class="paper" transform="{place}" d="M0-5 5 0 0 5-5 0z"/>')
    parts.append(f'<circle class="ours" cx="{at(value.mean)}" cy="8" r="2.6"/>')
    svg = '<svg class="strip" viewBox="0 0 96 16" aria-hidden="true">' + "".join(parts) + "</svg>"
    return Cell(Markup(svg))


def _share(parts: Mapping[str, float]) -> Cell:
    """Draw shares of one, each in the colour of its name."""
    spans = [f'<span class="{k}" style="width:{100 * v:.2f}%"></span>' for k, v in parts.items()]
    return Cell(Markup(f'<span class="share" aria-hidden="true">{"".join(spans)}</span>'))


#: how a column of a table of numbers is shown; others as they are
_FORMS: dict[str, Callable[[Any], Cell]] = {
    **dict.fromkeys(("seconds", "median", "longest"), lambda s: Cell(duration(s), s)),
    "regularizer": _regularizer,
    "lambda": _lambda,
    "rates": lambda rates: Cell("{:g} / {:g}".format(*rates), rates[0]),
    "training_loss": _number("{:.2e}"),
    "memory_mb": lambda mb: _number("{:,.0f} MB")(mb or math.nan),  # 0: too short to be seen
    "share": _share,
    "us_per_step": _count,
}


def _plain(name: str, heads: Mapping[str, Any], table: pd.DataFrame, **options) -> Table:
    """Return some columns of a table, each with its head."""
    rows = [
        [_FORMS.get(c, _count if isinstance(row[c], int) else Cell)(row[c]) for c in heads]
        for row in table.to_dict("records")
    ]
    return _table(name, list(heads.values()), rows, **options)


def table1(table: pd.DataFrame, *, is_papers: bool) -> Table:
    """Return Table 1: all measures, the paper's first."""
    rows = []
    for row in table.to_dict("records"):
        tau, estimate = compared(row), row["estimator"]
        if isinstance(row["images"], str):  # an empty grid has no images
            estimate += f", {row['images'].replace('none', 'no')} images"
        rows.append(
            [
                _swatch(row["measure"], row["measure"], estimate),
                _mean(tau, f"table1.{row['measure']}.{row['estimator']}", tau.ours),
                _strip(tau, -1, 1),
                *_paper(tau, is_papers=is_papers),
                *(_count(row["n_pairs"]), _count(row["n_sizes"])),
                _of(row["n_values"], row["n_in_grid"], comparison.complete(row)),
            ]
        )
    heads = ["Measure", "Ours, 95 %", "", "Paper", "Ours − paper", "Pairs", "Sizes", "τ so far"]
    return _table("table1", heads, rows, wide=True)


def table2(table: pd.DataFrame, *, is_papers: bool) -> Table:
    """Return Table 2."""
    rows = []
    for row in table.to_dict("records"):
        key = f"table2.{row['regularizer']}.{row['estimator']}"
        r_norm, ratio = compared(row, "r_norm_"), comparison.ratio_of_means(row)
        means = []
        for name in ("unregularized", "regularized"):
            mean = compared(row, f"{name}_")
            paper = "" if pd.isna(mean.paper_mean) else f"paper {mean.paper}"
            means.append(_mean(mean, f"{key}.{name}", small=paper))
        rows.append(
            [
                _swatch(row["measure"], row["regularizer"], "{measure}, {estimator}".format(**row)),
                *(_lambda(row["lambda"], comparison.papers_lambda(row)), *means),
                _mean(r_norm, f"{key}.r_norm", r_norm.ours),
                _strip(r_norm, 0, 1.2),
                *_paper(r_norm, is_papers=is_papers),
                _mean(ratio, f"{key}.ratio"),
                _of(row["n_matched"], row["n_in_grid"]),
                Cell(f"{row['n_at_bound']} (≤ {row['lower_bound']:g})", row["n_at_bound"]),
            ]
        )
    ratio_head = R_NORM + ", 95\N{NO-BREAK SPACE}%"
    heads = ["Penalty", "λ", "λ = 0", "At λ", ratio_head, "", "Paper", "Ours − paper"]
    return _table("table2", [*heads, "Ratio of means", "Runs", "At " + L_S], rows, wide=True)


def effects(table: pd.DataFrame) -> Table:
    """Return what each penalty, a row, does to each measure, a column."""
    return _ratios("effects", table, ["regularizer"], {"regularizer": "Penalty", "lambda": "λ"})


def rates(table: pd.DataFrame) -> Table:
    """Return what another learning rate, a row, does to each measure, a column."""
    table = table.assign(rates=[*zip(table["other_rate"], table["learning_rate"], strict=True)])
    return _ratios("rates", table, ["learning_rate", "other_rate"], {"rates": "Learning rates"})


def _ratios(name: str, table: pd.DataFrame, by: list[str], heads: Mapping[str, str]) -> Table:
    """Return a table of ratios with a row for each group ``by`` and a column for each measure."""
    shown = selection.main_rows(table)
    measures, rows = list(dict.fromkeys(shown["measure"])), []
    for key, of in shown.groupby(by, sort=False):
        by_measure = {row["measure"]: row for row in of.to_dict("records")}
        which = ".".join([name, *(f"{k:g}" if isinstance(k, float) else k for k in key)])
        first = [_FORMS[column](of[column].iloc[0]) for column in heads]
        cells = [_mean(compared(by_measure[m]), f"{which}.{m}") for m in measures]
        rows.append([*first, _count(of["n_pairs"].max()), *cells])
    return _table(name, [*heads.values(), "Pairs", *measures], rows, wide=True)


def pairs(taus: pd.DataFrame, r_norms: pd.DataFrame) -> Table:
    """Return τ of each measure and r_norm of each penalty, pair by pair, means over the seeds."""
    columns = {}
    for symbol, table, name, value in (
        ("τ", taus, "measure", "tau"),
        (R_NORM, r_norms[r_norms["reported"]], "regularizer", "r_norm"),
    ):
        for which, of in selection.main_rows(table).groupby(name, sort=False):
            columns[Markup("{} {}").format(symbol, which)] = of.groupby("pair")[value].mean()
    table = pd.DataFrame(columns)
    rows = [
        [pair, *(Cell(two_decimals(value), value) for value in row)]
        for pair, *row in table.itertuples(name=None)
    ]
    return _table("pairs", ["Pair", *columns], rows, wide=True, pairs=True)


def counts(table: pd.DataFrame) -> Table:
    """Return how many runs of the optimality experiment interpolate."""
    heads = {"regularizer": "Penalty", "lambda": "λ", "n_in_grid": "In the grid"}
    heads |= {"n_present": "So far", "n_interpolating": "Interpolate"}
    heads |= {"n_not_interpolating": "Do not", "share": ""}
    parts = {"n_interpolating": "done", "n_not_interpolating": "failed"}
    shares = table[[*parts]].rename(columns=parts).div(table["n_in_grid"], axis="index")
    return _plain("counts", heads, table.assign(share=shares.to_dict("records")))


def not_interpolating(failed: pd.DataFrame, most: int) -> Table:
    """Return the runs that do not interpolate, the first ``most`` of them."""
    heads = {"pair": "Pair", "size": "Size", "seed": "Seed", "regularizer": "Penalty"}
    heads |= {"lambda": "λ", "learning_rate": "Learning rate", "status": "Ended as"}
    heads |= {"epochs": "Epochs", "training_loss": Markup("<i>L</i>(<i>f</i>)")}
    shown = failed.sort_values(["regularizer", "lambda", "pair", "size", "seed"]).head(most)
    return _plain("not-interpolating", heads, shown, text=(3, 6), pairs=True)


def completeness(table: pd.DataFrame) -> Table:
    """Return the runs of each experiment by how they ended."""
    heads = {
        "experiment": "Experiment", "in_grid": "In the grid", "present": "So far",
        "missing": "Missing", "interpolated": "Interpolated", "max_epochs": "Out of epochs",
        "diverged": "Diverged",
    }  # fmt: skip
    return _plain("experiments", heads, table)


def kinds(by_kind: pd.DataFrame) -> Table:
    """Return the jobs of the workflow by kind."""
    heads = {"stage": "Job", "regularizer": "Penalty", "jobs": "Jobs", "seconds": "Time"}
    heads |= {"median": "Median", "longest": "Longest", "memory_mb": "Peak memory", "share": ""}
    total = by_kind["seconds"].sum() or 1
    shares = [{"time": seconds / total} for seconds in by_kind["seconds"]]
    return _plain("kinds", heads, by_kind.assign(share=shares), text=(1,))


def steps(table: pd.DataFrame) -> Table:
    """Return the steps of SGD by regularizer."""
    heads = {"regularizer": "Penalty", "runs": "Runs", "steps": "Steps"}
    heads |= {"seconds": "Training time", "us_per_step": "µs per step"}
    return _plain("steps", heads, table)


def settings(name: str, heads: list[str], rows: Iterable[tuple]) -> Table:
    """Return keys of the configuration with their values."""
    shown = [[Markup("<code>{}</code>").format(key), *map(_short, of)] for key, *of in rows]
    return _table(name, heads, shown, text=(1, 2))


def _short(value: Any) -> str:
    """Return a value of the configuration as a reader writes it."""
    if isinstance(value, list):
        are_pairs = len(value) == N_PAIRS and isinstance(value[0], str)
        return f"{len(value)} pairs" if are_pairs else ", ".join(map(str, value))
    return NO_VALUE if value is None else str(value)
