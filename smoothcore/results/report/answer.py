"""The answer to the question, in three sentences that follow from Table 1 and Table 2."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from smoothcore.measures import all_measures
from smoothcore.results.comparison import Compared, below_bound, of_table1, of_table2, two_decimals

#: a measure counts as rising, or as close to its optimum, when its whole interval is above this
BAR = 0.8

_NBSP = "\N{NO-BREAK SPACE}"

YES, NO, UNDECIDED, UNKNOWN = "yes", "no", "undecided", "unknown"


@dataclass(frozen=True)
class Finding:
    """What the tables say about one measure.

    Attributes:
        measure: its name.
        tau: Kendall's τ with the training set size.
        r_norm: what a penalty leaves; of several penalties on the measure, the lowest.
        regularizer: the penalty ``r_norm`` belongs to; empty where there is none.
        below_bound: some r_norm is left out because the unregularized mean is below l_S.
    """

    measure: str
    tau: Compared
    r_norm: Compared
    regularizer: str
    below_bound: bool

    @property
    def rises(self) -> str:
        """Does it rise with the training set? ``yes``, ``no``, ``undecided``, ``unknown``."""
        return _above_bar(self.tau)

    @property
    def near_optimum(self) -> str:
        """Does a penalty leave nearly all of it? ``yes``, ``no``, ``undecided``, ``unknown``."""
        return _above_bar(self.r_norm)

    @property
    def optimized(self) -> str:
        """Do both tests support that SGD optimizes for it, or does one of them contradict?"""
        both = (self.rises, self.near_optimum)
        if NO in both:
            return NO
        if both == (YES, YES):
            return YES
        return UNKNOWN if both == (UNKNOWN, UNKNOWN) else UNDECIDED


def _above_bar(value: Compared) -> str:
    if math.isnan(value.mean):
        return UNKNOWN
    if value.low >= BAR:
        return YES
    return NO if value.high < BAR else UNDECIDED


def findings(table1: pd.DataFrame, table2: pd.DataFrame) -> list[Finding]:
    """Return a finding per measure, from the paper's estimators."""
    return [_finding(measure, table1, table2) for measure in all_measures()]


def _finding(measure: str, table1: pd.DataFrame, table2: pd.DataFrame) -> Finding:
    def of(table: pd.DataFrame) -> pd.DataFrame:
        estimator = all_measures()[measure].main_estimator
        return table[(table["measure"] == measure) & (table["estimator"] == estimator)]

    taus = [of_table1(row) for _, row in of(table1).iterrows()]
    penalties = of(table2)
    meaningful = penalties.dropna(subset=["r_norm_mean"]).sort_values("r_norm_mean")
    if meaningful.empty:
        r_norm, regularizer = Compared(math.nan), ""
    else:
        best = meaningful.iloc[0]
        r_norm, regularizer = of_table2(best), best["regularizer"]
    tau = taus[0] if taus else Compared(math.nan)
    return Finding(measure, tau, r_norm, regularizer, bool(below_bound(penalties).any()))


def sentences(found: Iterable[Finding]) -> list[str]:
    """Return the answer: on monotonicity, on optimality, and what follows."""
    found = list(found)
    return [_on_monotonicity(found), _on_optimality(found), _what_follows(found)]


def _on_monotonicity(found: list[Finding]) -> str:
    groups = _grouped(found, "rises", "tau")
    parts = []
    if groups[YES]:
        parts.append(f"the more images a network interpolates, the larger its {groups[YES]}")
    if groups[NO]:
        parts.append(
            f"{groups[NO]} {_do(found, 'rises', NO)} not rise consistently with the images"
        )
    if groups[UNDECIDED]:
        parts.append(f"whether {groups[UNDECIDED]} rises consistently is undecided")
    if groups[UNKNOWN]:
        parts.append(f"for {groups[UNKNOWN]} no τ can be told")
    return _sentence(parts)


def _on_optimality(found: list[Finding]) -> str:
    groups = _grouped(found, "near_optimum", "r_norm")
    parts = []
    if groups[NO]:
        parts.append(f"a penalty lowers {groups[NO]} well below what SGD reaches without it")
    if groups[YES]:
        verb = "barely lowers" if parts else "a penalty barely lowers"
        parts.append(
            f"{'it ' if parts else ''}{verb} {groups[YES]} if the network is to interpolate"
        )
    if groups[UNDECIDED]:
        parts.append(f"how far {groups[UNDECIDED]} can be lowered is undecided")
    if groups[UNKNOWN]:
        parts.append(f"for {groups[UNKNOWN]} no r_norm can be told")
    return _sentence(parts)


def _what_follows(found: list[Finding]) -> str:
    names = {
        status: _enumerate([f.measure for f in found if f.optimized == status])
        for status in (YES, NO)
    }
    parts = []
    if names[YES]:
        parts.append(
            f"support that SGD implicitly optimizes for smoothness in terms of {names[YES]}"
        )
    if names[NO]:
        parts.append(f"speak against it {'for' if parts else 'in terms of'} {names[NO]}")
    if not parts:
        return "So these results do not answer the question yet."
    if not names[YES]:
        parts[0] = f"speak against implicit optimization for smoothness in terms of {names[NO]}"
    still_open = [f.measure for f in found if f.optimized in (UNDECIDED, UNKNOWN)]
    if still_open:
        parts.append(f"leave it open for {_enumerate(still_open)}")
    return f"So these results {', '.join(parts[:-1])}{', and ' if parts[1:] else ''}{parts[-1]}."


def _grouped(found: list[Finding], test: str, number: str) -> dict[str, str]:
    """Enumerate the measures by the outcome of a test, each with its number and interval."""
    symbol = {"tau": "τ", "r_norm": "r_norm"}[number]
    groups: dict[str, list[str]] = {YES: [], NO: [], UNDECIDED: [], UNKNOWN: []}
    for finding in found:
        value, outcome = getattr(finding, number), getattr(finding, test)
        interval = value.interval.replace(" ", _NBSP)
        told = f" ({symbol}{_NBSP}={_NBSP}{two_decimals(value.mean)}, {interval})"
        groups[outcome].append(finding.measure + ("" if outcome == UNKNOWN else told))
    return {outcome: _enumerate(names) for outcome, names in groups.items()}


def _do(found: list[Finding], test: str, outcome: str) -> str:
    return "does" if sum(getattr(f, test) == outcome for f in found) == 1 else "do"


def _enumerate(parts: list[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def _sentence(parts: list[str]) -> str:
    text = "; ".join(parts)
    # names of measures keep their case
    return text[:1].upper() + text[1:] + "."
