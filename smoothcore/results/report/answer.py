"""The answer to the question, in sentences that follow from the tables."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from smoothcore.readable import plain_lambda, two_decimals
from smoothcore.results.comparison import MIN_PAIRS, MIN_SIZES, Compared, compared, ratio_of_means
from smoothcore.results.selection import main_rows

#: τ and r_norm count as near 1 when their whole interval is at or above it
BAR = 0.8

_NBSP = "\N{NO-BREAK SPACE}"

YES, NO, UNDECIDED, TOO_FEW, UNKNOWN = "yes", "no", "undecided", "too-few", "unknown"
#: yes at the largest λ tried on all pairs, which most runs survive: a larger one may say no
SO_FAR = "so-far"
_OUTCOMES = (YES, SO_FAR, NO, UNDECIDED, TOO_FEW, UNKNOWN)

#: fewer penalties do not tell which measure is lowered most often
_MIN_PENALTIES = 3


_NOTHING = Compared(math.nan)


@dataclass(frozen=True)
class Finding:
    """What the tables say about one measure.

    Attributes:
        measure: its name.
        tau: Kendall's τ with the training set size.
        r_norm: what its penalty leaves.
        regularizer: the penalty ``r_norm`` belongs to; empty if the study has none.
        lambda_: its reported λ.
        n_at_bound: runs that lie at or below l_S without a penalty.
        ratio_of_means: what its penalty leaves of the mean; such runs do not swing it.
    """

    measure: str
    tau: Compared
    r_norm: Compared
    regularizer: str = ""
    lambda_: float = math.nan
    n_at_bound: int = 0
    ratio_of_means: Compared = _NOTHING

    @property
    def rises(self) -> str:
        """Does it rise with the training set? One of the outcomes."""
        return _near_one(self.tau)

    @property
    def near_optimum(self) -> str:
        """Does its penalty leave nearly all of it? Of an upper bound: so far.

        Where runs lie at or below the bound the ratio of the means has to say the same.
        """
        outcome = _near_one(self.r_norm)
        if self.n_at_bound and outcome in (YES, NO) and outcome != _near_one(self.ratio_of_means):
            return UNDECIDED
        return SO_FAR if outcome == YES and self.r_norm.upper_bound else outcome

    @property
    def optimized(self) -> str:
        """Do both tests support that SGD optimizes for it, or does one of them contradict?"""
        both = {self.rises, self.near_optimum}
        if NO in both:
            return NO
        if both == {YES, SO_FAR}:
            return SO_FAR
        if len(both) == 1:
            return both.pop()
        return TOO_FEW if TOO_FEW in both else UNDECIDED


def _near_one(value: Compared) -> str:
    if math.isnan(value.mean):
        return UNKNOWN
    if value.too_few:
        return TOO_FEW
    if value.low >= BAR:
        return YES
    return NO if value.high < BAR else UNDECIDED


def findings(table1: pd.DataFrame, table2: pd.DataFrame) -> list[Finding]:
    """Return a finding per measure of the tables, in their order, from the main estimators.

    Of several penalties on a measure the one that lowers it most counts, by enough pairs if there
    is such a one, and first one that lowers it beyond doubt. What it leaves is an upper bound as
    long as a larger λ of any of them may leave less.
    """
    taus = {row["measure"]: compared(row) for row in main_rows(table1).to_dict("records")}
    penalties: dict[str, dict] = {}
    rows = main_rows(table2).to_dict("records")
    for row in sorted(rows, key=_counts):
        first = penalties.setdefault(row["measure"], row)
        first["upper_bound"] = bool(first["upper_bound"] or row["upper_bound"])
    found = []
    for measure in dict.fromkeys([*taus, *penalties]):
        of: list = [_NOTHING]
        if row := penalties.get(measure):
            of = [compared(row, "r_norm_"), row["regularizer"], row["lambda"]]
            of += [row["n_at_bound"], ratio_of_means(row)]
        found.append(Finding(measure, taus.get(measure, _NOTHING), *of))
    return found


def _counts(row: Mapping[str, Any]) -> tuple:
    """Return by what the penalties on a measure are sorted: the first counts."""
    r_norm = compared(row, "r_norm_")
    known = not math.isnan(r_norm.mean)
    mean = r_norm.mean if known else 0.0
    is_lowered = _near_one(r_norm) == NO
    return not known, r_norm.too_few, not is_lowered, mean, row["regularizer"] != row["measure"]


def tested(found: list[Finding]) -> list[Finding]:
    """Return the findings on measures that a penalty of the study lowers; all if there is none."""
    return [f for f in found if f.regularizer] or found


def sentences(found: list[Finding]) -> list[str]:
    """Return the answer: on monotonicity, on optimality, and what follows.

    Measures that no penalty of the study lowers are left to `on_other_measures`.
    """
    found = tested(found)
    return [_on_monotonicity(found), _on_optimality(found), _what_follows(found)]


def on_other_measures(found: list[Finding]) -> str:
    """Return what Table 1 says of the measures that no penalty of the study lowers; or nothing."""
    counted = tested(found)
    others = [f for f in found if f not in counted]
    return _sentence(
        _grouped(others, "rises"),
        {
            YES: "τ is at {bar} or above for {}",
            NO: "τ is below {bar} for {}",
            UNDECIDED: "τ may be on either side of {bar} for {}",
            TOO_FEW: "the pairs or sizes are too few for a verdict on {}",
            UNKNOWN: "no τ can be told for {}",
        },
        "Measures without a penalty of their own: ",
    )


def _on_monotonicity(found: list[Finding]) -> str:
    do = "does" if sum(f.rises == NO for f in found) == 1 else "do"
    return _sentence(
        _grouped(found, "rises", lambda f: f.measure + _number("τ", f.tau)),
        {
            YES: "the more images a network interpolates, the larger its {}: τ is at {bar} or "
            "above",
            NO: f"{{}} {do} not rise consistently: τ is below {{bar}}",
            UNDECIDED: "whether τ of {} is at least {bar} is undecided",
            TOO_FEW: "for {} the pairs or sizes are too few for a verdict on τ",
            UNKNOWN: "for {} no τ can be told",
        },
    )


def _on_optimality(found: list[Finding]) -> str:
    bounded = [f for f in found if f.near_optimum == SO_FAR]
    limits = _enumerate([f"{f.regularizer} {plain_lambda(f.lambda_)}" for f in bounded])
    return _sentence(
        _grouped(found, "near_optimum", lambda f: f.measure + _number("r_norm", f.r_norm)),
        {
            NO: "of {} a penalty takes away much of what lies above the bound l_S: r_norm is below "
            "{bar}",
            YES: "of {} a penalty takes away little of what lies above the bound l_S: r_norm is at "
            "{bar} or above",
            SO_FAR: f"of {{}} a penalty, at the λ tried ({limits}), takes away little of what lies "
            "above the bound l_S: r_norm is at {bar} or above, an upper bound: half of the runs or "
            "more interpolate there, so a larger λ may lower it",
            UNDECIDED: "whether a penalty leaves an r_norm of {bar} of {} is undecided",
            TOO_FEW: "for {} the pairs are too few for a verdict on r_norm",
            UNKNOWN: "for {} no r_norm can be told",
        },
    )


def _what_follows(found: list[Finding]) -> str:
    names = _grouped(found, "optimized")
    still_open = _enumerate([f.measure for f in found if f.optimized not in (YES, SO_FAR, NO)])
    claim = "that SGD implicitly optimizes for smoothness in terms of"
    supported, so_far = names[YES] or names[SO_FAR], "it for" if names[YES] else claim
    against = "it for" if supported else "implicit optimization for smoothness in terms of"
    forms = {
        f"support {claim} {{}}": names[YES],
        f"support {so_far} {{}} up to the λ tried": names[SO_FAR],
        f"speak against {against} {{}}": names[NO],
        "leave it open for {}": still_open,
    }
    if not (supported or names[NO]):
        if not names[TOO_FEW] or names[UNDECIDED]:
            return "So these results do not answer the question yet."
        needed = f"it takes {MIN_PAIRS} pairs, and {MIN_SIZES} sizes for τ"
        return f"So these results are too few for an answer: {needed}."
    *parts, last = [text.format(measures) for text, measures in forms.items() if measures]
    return f"So these results {', '.join(parts)}{', and ' if parts else ''}{last}."


def at_other_rates(
    found: list[Finding], rate_effects: pd.DataFrame, monotonicity_rate: float
) -> str:
    """Return at which learning rates a supported measure is not near its optimum; or nothing.

    Another rate reaches less of it without any penalty. Table 2 has each penalty at one rate, and
    Table 1 is of one.
    """
    supported = [f.measure for f in found if f.optimized in (YES, SO_FAR)]
    table = main_rows(rate_effects)
    table = table[table["measure"].isin(supported) & (table["n_pairs"] >= MIN_PAIRS)]
    parts = [
        f"at the learning rate {row['learning_rate']:g}"
        f"{', that of Table 1,' if row['learning_rate'] == monotonicity_rate else ''} SGD is not "
        f"near the optimum of {row['measure']}: at {row['other_rate']:g}, without a penalty, it "
        f"leaves {two_decimals(row['mean'])} of it ({compared(row).interval})"
        for row in table[table["high"] < BAR].to_dict("records")
    ]
    return f"But {_enumerate(parts)}." if parts else ""


def _grouped(
    found: list[Finding], test: str, tell: Callable[[Finding], str] = lambda f: f.measure
) -> dict[str, str]:
    """Enumerate the measures by the outcome of a test."""
    return {o: _enumerate([tell(f) for f in found if getattr(f, test) == o]) for o in _OUTCOMES}


def _number(symbol: str, value: Compared) -> str:
    """Return a number with its interval and counts, in parentheses; nothing where it is NaN."""
    if math.isnan(value.mean):
        return ""
    spread = "without exception" if value.std == 0 else value.interval
    told = [f"{symbol} = {two_decimals(value.mean)}", spread, f"{value.n_pairs} pairs"]
    if value.n_sizes is not None:
        told.append(f"{value.n_sizes} sizes")
    return f" ({', '.join(part.replace(' ', _NBSP) for part in told)})"


def _enumerate(parts: list[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def _sentence(names: dict[str, str], forms: dict[str, str], start: str = "") -> str:
    """Join what is said of each outcome that some measures have; nothing if there is none."""
    said = [form.format(names[o], bar=BAR) for o, form in forms.items() if names[o]]
    text = start + "; ".join(said)
    return text[:1].upper() + text[1:] + "." if said else ""


def on_effects(effects: pd.DataFrame) -> list[str]:
    """Return sentences on what the penalties do to the measures they do not penalize.

    A measure with the values of the penalized one, as RN with those of WP, is none of them.
    """
    # a column of an empty file has no type
    table = main_rows(effects).dropna(subset="mean").astype({"mean": float})
    own = table[table["measure"] == table["penalized"]].set_index("regularizer")["mean"]
    other = table[table["measure"] != table["penalized"]]
    own_mean = other["regularizer"].map(own).astype(float)
    other = other[~np.isclose(other["mean"], own_mean, rtol=1e-9)].dropna(subset="low")
    other, left_out = _of_enough_pairs(other)
    if other.empty:
        return ["No penalty can be compared yet with λ = 0 on a measure other than its own."]
    lowered, raised = other[other["high"] < 1], other[other["low"] > 1]
    strongest = [
        f"the penalty {row['regularizer']} {verb} {row['measure']} most "
        f"(×{_NBSP}{row['mean']:.3f}, {row['low']:.3f} to {row['high']:.3f}, "
        f"{row['n_pairs']} pairs)"
        for verb, rows in (
            ("lowers", lowered.nsmallest(1, "mean")),
            ("raises", raised.nlargest(1, "mean")),
        )
        for row in rows.to_dict("records")
    ]
    first = (
        f"Of {len(other)} effects of a penalty on a measure that it does not penalize, the whole "
        f"interval is below 1 in {len(lowered)} and above 1 in {len(raised)}"
    )
    said = ["; ".join([first, *strongest]) + ".", *left_out]
    times = lowered.groupby("measure").size()
    if len(times) and other["regularizer"].nunique() >= _MIN_PENALTIES:
        measures = dict.fromkeys(other["measure"])
        most = [m for m in measures if times.get(m) == times.max()]
        verb = "is" if len(most) == 1 else "are"
        often = (
            f"Of all measures {_enumerate(most)} {verb} lowered most often, by {times.max()} "
            f"{'penalty' if times.max() == 1 else 'penalties'} on another one"
        )
        never = [m for m in measures if m not in times.index]
        said.append(often + (f"; {_enumerate(never)} by none." if never else "."))
    return said + _too_few_pairs(other)


def on_rates(effects: pd.DataFrame) -> list[str]:
    """Return sentences on what a larger learning rate does to the measures, without a penalty."""
    larger = effects[effects["other_rate"] > effects["learning_rate"]]
    table, left_out = _of_enough_pairs(main_rows(larger))
    said = []
    for (rate, other), of in table.groupby(["learning_rate", "other_rate"], sort=False):
        parts = [
            f"{verb} {_enumerate([_times(row) for row in rows.to_dict('records')])}"
            for verb, rows in (
                ("smaller are", of[of["high"] < 1].sort_values("mean")),
                ("larger", of[of["low"] > 1].sort_values("mean", ascending=False)),
                ("neither beyond chance", of[(of["high"] >= 1) & (of["low"] <= 1)]),
            )
            if len(rows)
        ]
        if not parts:  # of one pair there are no intervals
            continue
        start = f"At the learning rate {other:g}, beside {rate:g} ({of['n_pairs'].max()} pairs)"
        said.append(f"{start}: {'; '.join(parts)}.")
    return said + left_out + (_too_few_pairs(table) if said else [])


def _of_enough_pairs(effects: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return the effects on enough pairs and a sentence on the others; all if none has enough."""
    enough = effects[effects["n_pairs"] >= MIN_PAIRS]
    if enough.empty or (n := len(effects) - len(enough)) == 0:
        return effects, []
    noun, verb = ("effect", "is") if n == 1 else ("effects", "are")
    return enough, [f"{n} {noun} on fewer than {MIN_PAIRS} pairs {verb} left out."]


def _times(row: Mapping[str, Any]) -> str:
    return f"{row['measure']} (×{_NBSP}{row['mean']:.2f}, {row['low']:.2f} to {row['high']:.2f})"


def _too_few_pairs(effects: pd.DataFrame) -> list[str]:
    few = effects["n_pairs"].max() < MIN_PAIRS
    return [f"Fewer than {MIN_PAIRS} pairs are too few for a verdict."] if few else []
