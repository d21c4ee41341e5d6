"""The figures published in the paper, to stand beside ours. Nothing is computed from them."""

from dataclasses import dataclass

NOT_GIVEN = float("nan")

#: all pairs of the ten digits
N_PAIRS = 45


@dataclass(frozen=True)
class PaperTau:
    """One column of Table 1: Kendall's τ between training set size and measure, mean ± std."""

    mean: float
    std: float


@dataclass(frozen=True)
class PaperOptimality:
    """One column of Table 2: mean of the measure without and with its penalty, and r_norm."""

    unregularized_mean: float
    regularized_mean: float
    lower_bound: float
    r_norm_mean: float
    r_norm_std: float


PAPER_TABLE1 = {
    "GN": PaperTau(0.16, 0.32),
    "FPL": PaperTau(0.07, 0.46),
    "GPL": PaperTau(1.0, NOT_GIVEN),
    "WP": PaperTau(1.0, NOT_GIVEN),
}

PAPER_TABLE2 = {
    "GN": PaperOptimality(0.93, 0.29, 0.0, 0.31, 0.13),
    "FPL": PaperOptimality(1.17, 1.05, 1.0, 0.33, 0.27),
    "GPL": PaperOptimality(2.62, 2.35, 0.0, 0.89, 0.06),
    "WP": PaperOptimality(12.84, 11.57, 0.0, 0.90, 0.03),
}
