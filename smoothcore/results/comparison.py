"""The paper beside ours: where the studies differ; Table 1 and Table 2 as a person reads them.

Shared by the report and the tables in the terminal, so that both say the same. Needs the standard
library alone.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from smoothcore.readable import NO_VALUE, two_decimals
from smoothcore.results.paper import N_PAIRS, NOT_GIVEN, PAPER_STUDY, PENALTIES

#: fewer pairs carry no verdict: a 95 % bootstrap interval of the mean of n values covers about
#: 83 % at n = 5 and 90 % at n = 10, and at n = 3 it is hardly more than the range of the values
MIN_PAIRS = 10

#: fewer sizes carry none: without any trend τ = 1 in one of n! cases, which is 1 of 6 at n = 3
MIN_SIZES = 4


@dataclass(frozen=True)
class Compared:
    """One of our means beside the paper's.

    Attributes:
        mean: ours; NaN where it has no value yet.
        std: sample standard deviation over pairs and seeds.
        low: lower end of the 95 % bootstrap interval of ``mean``.
        high: its upper end.
        seed_stderr: standard error of ``mean`` from the seeds alone, the pairs being these.
        paper_mean: the paper's; NaN where it gives none.
        paper_std: the paper's standard deviation; NaN where it gives none.
        n_pairs: pairs behind ``mean``.
        n_sizes: training set sizes behind it; None where it is of one size.
        upper_bound: the true value is no larger, and may be smaller.
        as_paper: made as the paper's is: over every size, at its λ.
    """

    mean: float
    std: float = math.nan
    low: float = math.nan
    high: float = math.nan
    seed_stderr: float = math.nan
    paper_mean: float = NOT_GIVEN
    paper_std: float = NOT_GIVEN
    n_pairs: int = 0
    n_sizes: int | None = None
    upper_bound: bool = False
    as_paper: bool = True

    @property
    def too_few(self) -> bool:
        """Tell whether its pairs or sizes are too few to conclude anything."""
        return self.n_pairs < MIN_PAIRS or (self.n_sizes is not None and self.n_sizes < MIN_SIZES)

    @property
    def verdict(self) -> str:
        """The paper's mean is ``within`` what ours allows, or ours is ``higher`` or ``lower``.

        Over all the paper's pairs ours allows what seeds can make of the difference, else its
        interval. Empty where one of the means, or that, is missing, or made of too few pairs, or
        otherwise than the paper's.
        Compared as they are shown, with two decimals: the paper gives no more.
        """
        low, high = self.low, self.high
        if not math.isnan(self.by_seeds):
            low, high = self.mean - self.by_seeds, self.mean + self.by_seeds
        low, high, paper = (round(x, 2) for x in (low, high, self.paper_mean))
        if (
            self.too_few
            or not self.as_paper
            or any(math.isnan(x) for x in (self.mean, low, high, paper))
        ):
            return ""
        return "higher" if low > paper else "lower" if high < paper else "within"

    @property
    def by_seeds(self) -> float:
        """How far the paper's mean may lie from ours by their seeds alone, 95 %; else NaN.

        Both are of all pairs. A larger difference has another cause: which images of a digit are
        trained on and measured, or the protocol. The paper's mean is taken to scatter as ours does:
        it is of three seeds, too.
        """
        same = self.n_pairs == N_PAIRS and not math.isnan(self.paper_mean)
        return 1.96 * math.sqrt(2) * self.seed_stderr if same else math.nan

    @property
    def ours(self) -> str:
        """Mean ± standard deviation."""
        return ("≤ " if self.upper_bound else "") + _spread(self.mean, self.std)

    @property
    def interval(self) -> str:
        """Its 95 % interval."""
        if math.isnan(self.low):
            return NO_VALUE
        return f"{two_decimals(self.low)} to {two_decimals(self.high)}"

    @property
    def paper(self) -> str:
        """The paper's mean ± standard deviation."""
        return _spread(self.paper_mean, self.paper_std)

    @property
    def difference(self) -> str:
        """Ours minus the paper's, ± what the seeds alone make of it where both have all pairs.

        A dash where ours is made otherwise.
        """
        if not self.as_paper:
            return NO_VALUE
        return _spread(self.mean - self.paper_mean, self.by_seeds, sign="+")


def _spread(mean: float, std: float, sign: str = "") -> str:
    spread = "" if math.isnan(std) else f" ± {two_decimals(std)}"
    return two_decimals(mean, sign) + spread


def compared(row: Mapping[str, Any], prefix: str = "") -> Compared:
    """Return the mean of a row of a table whose columns begin with ``prefix``.

    Args:
        row: of `statistics.table1`, `statistics.table2` or `statistics.penalty_effects`.
        prefix: ``r_norm_``, for instance.
    """
    # what the seeds make of the paper's mean, which has all of them, only all of ours tell
    is_whole = row.get("n_values") == row.get("n_in_grid")
    return Compared(
        **{name: row.get(prefix + name, math.nan) for name in ("mean", "std", "low", "high")},
        seed_stderr=row.get("seed_stderr", math.nan) if is_whole else math.nan,
        paper_mean=row.get(f"paper_{prefix}mean", NOT_GIVEN),
        paper_std=row.get(f"paper_{prefix}std", NOT_GIVEN),
        n_pairs=int(row["n_pairs"]),
        n_sizes=int(row["n_sizes"]) if "n_sizes" in row else None,
        as_paper=not complete(row) and math.isnan(papers_lambda(row)),
        upper_bound=prefix == "r_norm_" and bool(row["upper_bound"]) and row["n_pairs"] > 0,
    )


def complete(row: Mapping[str, Any]) -> str:
    """Return how many τ of a row of Table 1 are over every size; nothing if all of them are."""
    if row.get("n_complete") == row.get("n_values"):
        return ""
    return f"{row['n_complete']:.0f} over all sizes"


def papers_lambda(row: Mapping[str, Any]) -> float:
    """Return the paper's λ where a row of Table 2 has another; else NaN."""
    paper = row.get("paper_lambda", math.nan)
    return paper if abs(row.get("lambda", math.nan) - paper) > 0 else math.nan


def ratio_of_means(row: Mapping[str, Any]) -> Compared:
    """Return the ratio of the means of a row of Table 2."""
    low, high = row["ratio_of_means_low"], row["ratio_of_means_high"]
    return Compared(row["ratio_of_means"], math.nan, low, high, n_pairs=int(row["n_pairs"]))


def flattened(study: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the values of a nested configuration under dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in study.items():
        if isinstance(value, dict):
            flat |= flattened(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def differences(study: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """Return where a study differs from the paper's: key, its value, the paper's value.

    λ, the cap on the epochs and the engine are not compared: the paper gives no full list of λ. Nor
    is a penalty that a study does without.
    """
    flat = flattened(study)
    flat["number of pairs"] = len(flat.get("pairs", []))
    for experiment in ("monotonicity", "optimality"):
        flat[f"{experiment}.number of seeds"] = len(flat.get(f"{experiment}.seeds", []))
        if study.get(experiment) is None:
            flat |= {key: "off" for key in PAPER_STUDY if key.startswith(experiment)}
    stated = {k: v for k, v in PAPER_STUDY.items() if k in flat or not k.startswith(PENALTIES)}
    found = [(key, flat.get(key), paper) for key, paper in stated.items()]
    return [row for row in found if row[1] != row[2]]
