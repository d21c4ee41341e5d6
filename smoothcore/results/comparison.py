"""Table 1 and Table 2 as a person reads them: a mean, its uncertainty, the paper's, the difference.

Shared by the report and the tables in the terminal, so that both say the same.
"""

import math
from dataclasses import dataclass

import pandas as pd

from smoothcore.results.paper import NOT_GIVEN

NO_VALUE = "–"


@dataclass(frozen=True)
class Compared:
    """One of our means beside the paper's.

    Attributes:
        mean: ours; NaN where there is none yet.
        std: sample standard deviation over pairs and seeds.
        low: lower end of the 95 % bootstrap interval of ``mean``.
        high: its upper end.
        paper_mean: the paper's; NaN where it gives none.
        paper_std: the paper's standard deviation; NaN where it gives none.
    """

    mean: float
    std: float = math.nan
    low: float = math.nan
    high: float = math.nan
    paper_mean: float = NOT_GIVEN
    paper_std: float = NOT_GIVEN

    @property
    def verdict(self) -> str:
        """Where the paper's mean lies: ``within`` our interval, or ours is ``higher``, ``lower``.

        Empty where one of the means, or the interval, is missing. Compared as they are shown, with
        two decimals: the paper gives no more. The interval is ours alone: the paper's mean has an
        uncertainty too, which it does not give.
        """
        low, high, paper = (round(x, 2) for x in (self.low, self.high, self.paper_mean))
        if any(math.isnan(x) for x in (self.mean, low, high, paper)):
            return ""
        return "higher" if low > paper else "lower" if high < paper else "within"

    @property
    def ours(self) -> str:
        """Mean ± standard deviation."""
        return _spread(self.mean, self.std)

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
        """Ours minus the paper's."""
        return two_decimals(self.mean - self.paper_mean, sign="+")


def two_decimals(value: float, sign: str = "") -> str:
    """Return 0.16, −0.07 or, where there is no value, a dash; ``sign="+"`` writes the plus."""
    if math.isnan(value):
        return NO_VALUE
    text = f"{value:{sign}.2f}"
    zero = {"-0.00": "0.00", "+0.00": "0.00"}
    return zero.get(text, text).replace("-", "−")


def _spread(mean: float, std: float) -> str:
    spread = "" if math.isnan(std) else f" ± {two_decimals(std)}"
    return two_decimals(mean) + spread


def of_table1(row: pd.Series) -> Compared:
    """Return a row of `statistics.table1`."""
    return Compared(
        row["mean"], row["std"], row["low"], row["high"], row["paper_mean"], row["paper_std"]
    )


def of_table2(row: pd.Series) -> Compared:
    """Return r_norm of a row of `statistics.table2`."""
    names = ("mean", "std", "low", "high")
    paper = row["paper_r_norm_mean"], row["paper_r_norm_std"]
    return Compared(*(row[f"r_norm_{name}"] for name in names), *paper)


def below_bound(table2: pd.DataFrame) -> pd.Series:
    """Return for each row of Table 2 whether the unregularized mean leaves no r_norm to tell."""
    return table2["unregularized_mean"] <= table2["lower_bound"]


def plain_lambda(value: float) -> str:
    """Return λ for text: 0, 3.2e-4, or a dash where there is none."""
    if math.isnan(value):
        return NO_VALUE
    if value == 0 or value >= 0.01:
        return f"{value:g}"
    mantissa, _, exponent = f"{value:.3e}".partition("e")
    return f"{float(mantissa):g}e{int(exponent)}"
