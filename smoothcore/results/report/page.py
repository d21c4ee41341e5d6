"""The page: what stands in it, computed from the inputs; how it looks is in ``page.html``."""

import importlib
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

import smoothcore
from smoothcore.measures import all_measures
from smoothcore.readable import duration, two_decimals
from smoothcore.results import comparison, selection
from smoothcore.results.collected import Results
from smoothcore.results.report import answer, compute, plots, provenance, svg, tables
from smoothcore.results.style import LONG_NAMES, svg_text

#: beyond these the page refers to the table of runs
_MOST_LISTED = 60


def render(results: Results) -> str:
    """Return the report as the text of one HTML file that needs no other file."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {f.__name__: f for f in (two_decimals, duration, svg.inline)}
    return environment.get_template("page.html").render(_context(results)).strip() + "\n"


def _context(results: Results) -> dict[str, Any]:
    made, runs, study = results.made, results.runs, results.study
    table2 = made["table2"]
    bounded = table2["upper_bound"] & table2["r_norm_mean"].notna()
    differences = comparison.differences(study)
    found = answer.findings(made["table1"], table2)
    by_kind = compute.by_kind(compute.read_benchmarks(results.grid_path.with_name("benchmarks")))
    beside = {"is_papers": not differences}
    failed = runs[~runs["interpolates"].astype(bool)]
    coordinates = selection.COORDINATES
    rate = (study["monotonicity"] or {}).get("learning_rate", float("nan"))
    said = [*answer.sentences(found), answer.at_other_rates(found, made["rate_effects"], rate)]
    settings = {k: v for k, v in comparison.flattened(study).items() if k != "mnist_dir"}
    drawn = {
        "taus": plots.tau_by_pair(made["kendall_tau"]),
        "curves": plots.loss_curves(results.curves, results.grid, study["training"]["epsilon"]),
        "estimators": plots.sampled_against_exact(results.measures),
    }
    return {
        "theme": svg.theme(),
        "study": study,
        "asked": len(results.grid),
        "present": len(results.grid[coordinates].merge(runs[coordinates])),
        "measured": results.measures[coordinates].drop_duplicates().shape[0],
        "sentences": [_sentence(text) for text in said if text],
        "on_others": _sentence(answer.on_other_measures(found)),
        "on_effects": [_sentence(text) for text in answer.on_effects(made["penalty_effects"])],
        "on_rates": [_sentence(text) for text in answer.on_rates(made["rate_effects"])],
        "cards": answer.tested(found),
        "at_bound": [f for f in found if f.n_at_bound],
        "bar": answer.BAR,
        "min_pairs": comparison.MIN_PAIRS,
        "min_sizes": comparison.MIN_SIZES,
        "differences": tables.settings("differences", ["Setting", "Here", "Paper"], differences),
        "long_names": LONG_NAMES,
        "definitions": [(name, *_definition(about)) for name, about in all_measures().items()],
        "table1": tables.table1(made["table1"], **beside),
        "table2": tables.table2(table2, **beside),
        "effects": tables.effects(made["penalty_effects"]),
        "rates": tables.rates(made["rate_effects"]),
        "pairs": tables.pairs(made["kendall_tau"], made["r_norm"]),
        "lambdas_missing": table2.loc[table2["lambda"].isna(), "regularizer"].unique().tolist(),
        "upper_bounds": sorted(table2.loc[bounded, "regularizer"].unique()),
        "figures": results.drawn | {name: svg_text(figure) for name, figure in drawn.items()},
        "experiments": tables.completeness(selection.completeness(results.grid, runs)),
        "counts": tables.counts(selection.interpolation_counts(runs, results.grid)),
        "n_failed": len(failed),
        "failed": tables.not_interpolating(failed, _MOST_LISTED),
        "kinds": tables.kinds(by_kind),
        "total_seconds": by_kind["seconds"].sum(),
        "steps": tables.steps(compute.steps_by_kind(runs)),
        "settings": tables.settings("settings", ["Key", "Value"], settings.items()),
        "commit": provenance.git_commit(Path(smoothcore.__file__).parent.parent),
        "made_from": provenance.made_from(results.folder),
        "libraries": provenance.libraries(),
        "training_libraries": provenance.training_libraries(runs),
        "seeds": sorted(results.grid["seed"].unique().tolist()),
        "made_at": datetime.now(UTC).strftime("%d %B %Y, %H:%M UTC"),
    }


def _definition(about: Any) -> tuple[Markup, str]:
    """Return what a measure is, the first line of its module, and who defined it."""
    doc = importlib.import_module(about.module).__doc__ or about.long_name
    text = re.sub(rf"^{about.name}[,:] ", "", doc.splitlines()[0])
    if about.source:  # it says the section, too
        text = re.sub(r" \((§|Definition )[^)]*\)", "", text)
    return Markup(re.sub(r"_(\w)", r"<sub>\1</sub>", str(escape(text)))), about.source


def _sentence(text: str) -> Markup:
    """Return a sentence with its numbers, which stand in parentheses, set apart."""
    marked = re.sub(r"(\([^)]*\))", r'<span class="figures">\1</span>', str(escape(text)))
    return Markup(marked.replace("r_norm", tables.R_NORM).replace("l_S", tables.L_S))
