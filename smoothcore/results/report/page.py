"""The page: what stands in it, computed from the inputs; how it looks is in ``page.html``."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup, escape

import smoothcore
from smoothcore.measures import all_measures
from smoothcore.regularizers import all_regularizers
from smoothcore.results import comparison, statistics
from smoothcore.results.report import answer, compute, plots, provenance, svg
from smoothcore.results.report.inputs import Inputs
from smoothcore.results.style import LONG_NAMES, svg_text

_FOLDER = Path(__file__).parent

#: beyond these the page refers to the table of runs
_MOST_LISTED = 60


def render(inputs: Inputs) -> str:
    """Return the report as the text of one HTML file that needs no other file."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "two_decimals": comparison.two_decimals,
        "lambda_": _lambda_markup,
        "duration": compute.duration,
        "short": _short,
    }
    return environment.get_template("page.html").render(_context(inputs)).strip() + "\n"


def _context(inputs: Inputs) -> dict[str, Any]:
    completeness = statistics.completeness(inputs.grid, inputs.runs)
    counts = statistics.interpolation_counts(inputs.runs, inputs.grid)
    cells, present = _cells(inputs)
    found = answer.findings(inputs.table1, inputs.table2)
    by_kind = compute.by_kind(inputs.benchmarks)
    return {
        "css": Markup((_FOLDER / "style.css").read_text(encoding="utf-8")),
        "script": Markup((_FOLDER / "script.js").read_text(encoding="utf-8")),
        "name": inputs.study["name"],
        "cells": cells,
        "present": present,
        "measured": inputs.measures[statistics.COORDINATES].drop_duplicates().shape[0],
        "sentences": [_sentence_markup(text) for text in answer.sentences(found)],
        "findings": found,
        "bar": answer.BAR,
        "differences": provenance.differences(inputs.study),
        "long_names": LONG_NAMES,
        "measure_of": {r.name: r.measure for r in all_regularizers().values()},
        "table1": [(row, comparison.of_table1(row)) for row in _rows(inputs.table1)],
        "table2": _table2_rows(inputs),
        "lambdas_missing": list(
            dict.fromkeys(inputs.table2.loc[inputs.table2["lambda"].isna(), "regularizer"])
        ),
        "figures": _figures(inputs),
        "completeness": _rows(completeness),
        "counts": _rows(counts),
        "not_interpolating": _not_interpolating(inputs),
        "most_listed": _MOST_LISTED,
        "by_kind": _rows(by_kind),
        "total_seconds": float(by_kind["seconds"].sum()) if len(by_kind) else 0.0,
        "steps": _rows(compute.steps_by_kind(inputs.runs)),
        "settings": provenance.flattened(inputs.study),
        "commit": provenance.git_commit(Path(smoothcore.__file__).parent.parent),
        "libraries": provenance.libraries(),
        "training_libraries": provenance.training_libraries(inputs.runs),
        "seeds": sorted(inputs.grid["seed"].unique().tolist()),
        "made_at": datetime.now(UTC).strftime("%d %B %Y, %H:%M UTC"),
        "isnan": pd.isna,
    }


def _cells(inputs: Inputs) -> tuple[int, int]:
    """Return the number of cells of the grid, and of those that are trained."""
    keys = statistics.COORDINATES
    trained = inputs.grid[keys].merge(inputs.runs[keys], on=keys) if len(inputs.runs) else []
    return len(inputs.grid), len(trained)


def _rows(table: pd.DataFrame) -> list[pd.Series]:
    return [row for _, row in table.iterrows()]


def _table2_rows(inputs: Inputs) -> list[tuple]:
    """Return Table 2 with the intervals of the two means, which the CSV does not have."""
    matched = statistics.matched_values(inputs.measures, inputs.runs, inputs.grid)
    rows = []
    for row in _rows(inputs.table2):
        of = matched[
            (matched["regularizer"] == row["regularizer"])
            & (matched["estimator"] == row["estimator"])
        ]
        means = [
            comparison.Compared(
                row[f"{name}_mean"],
                of[name].std(ddof=1),
                *statistics.bootstrap_interval(of[name], of["pair"]),
                paper_mean=row[f"paper_{name}_mean"],
            )
            for name in ("unregularized", "regularized")
        ]
        rows.append((row, *means, comparison.of_table2(row)))
    return rows


def _figures(inputs: Inputs) -> dict[str, Markup | None]:
    drawn = {
        "sizes": (
            plots.measures_by_size(inputs.measures, inputs.grid),
            f"Four panels, {', '.join(all_measures())}, against the number of training images on a "
            "logarithmic axis: one line per pair and their mean.",
        ),
        "taus": (
            plots.tau_by_pair(inputs.taus),
            f"Four grids of digit a by digit b, for {', '.join(all_measures())}; each cell shows "
            "Kendall's τ of that pair from −1 to 1.",
        ),
        "curves": (
            plots.loss_curves(inputs.curves, inputs.grid, inputs.study["training"]["epsilon"]),
            "Running loss against the epoch, both logarithmic, one line per run; one panel for "
            "λ = 0 and one per regularizer. A dashed line marks ε.",
        ),
        "estimators": (
            plots.sampled_against_exact(inputs.measures),
            "Two scatter plots, FPL and GPL: the sampled value of each run against the exact one, "
            "with the line of equality.",
        ),
    }
    files = {
        "figure1": (
            inputs.figure1,
            "Two curves through the same nine points: one with few bends, one that wiggles "
            "between the points. The four measures of each stand above it.",
        ),
        "figure2": (
            inputs.figure2,
            "Boxes of the measure that each regularizer penalizes, one per λ, with λ = 0 on the "
            "first row. The means are in Table 2.",
        ),
    }
    texts = files | {name: (svg_text(figure), alt) for name, (figure, alt) in drawn.items()}
    return {
        name: svg.inline(text, name.replace("_", "-"), alt) if text else None
        for name, (text, alt) in texts.items()
    }


def _not_interpolating(inputs: Inputs) -> list[pd.Series]:
    if inputs.runs.empty:
        return []
    runs = inputs.runs[~inputs.runs["interpolates"]]
    return _rows(runs.sort_values(["regularizer", "lambda", "pair", "size", "seed"]))


def _sentence_markup(text: str) -> Markup:
    """Return a sentence with its numbers, which stand in parentheses, set apart."""
    marked = re.sub(r"(\([^)]*\))", r'<span class="figures">\1</span>', str(escape(text)))
    return Markup(marked.replace("r_norm", "<i>r</i><sub>norm</sub>"))


def _lambda_markup(value: float) -> Markup:
    """Return λ as 3.2 × 10⁻⁴."""
    text = comparison.plain_lambda(value).replace("-", "−")
    mantissa, _, exponent = text.partition("e")
    if not exponent:
        return Markup(text)
    factor = "" if mantissa == "1" else f"{mantissa} × "
    return Markup(f"{factor}10<sup>{exponent}</sup>")


def _short(value: Any) -> str:
    """Return a value of the configuration as a reader writes it."""
    if isinstance(value, list):
        return f"{len(value)} pairs" if len(value) == 45 else ", ".join(map(str, value))
    return "–" if value is None else str(value)
