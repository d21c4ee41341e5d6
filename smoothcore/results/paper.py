"""What the paper says of its study and its results, to stand beside ours."""

from collections import namedtuple

NOT_GIVEN = float("nan")

#: all pairs of the ten digits
N_PAIRS = 45

PaperTau = namedtuple("PaperTau", "mean std")
PaperOptimality = namedtuple(
    "PaperOptimality",
    "lambda_ learning_rate unregularized_mean regularized_mean r_norm_mean r_norm_std",
)

#: Table 1: Kendall's τ between training set size and measure, mean ± std
PAPER_TABLE1 = {
    "GN": PaperTau(0.16, 0.32),
    "FPL": PaperTau(0.07, 0.46),
    "GPL": PaperTau(1.0, NOT_GIVEN),
    "WP": PaperTau(1.0, NOT_GIVEN),
}

#: Table 2: mean of the measure without and with its penalty, and r_norm, at the largest λ of
#: Figure 2
PAPER_TABLE2 = {
    "GN": PaperOptimality(1e-3, 0.01, 0.93, 0.29, 0.31, 0.13),
    "FPL": PaperOptimality(3.2e-3, 0.1, 1.17, 1.05, 0.33, 0.27),
    "GPL": PaperOptimality(3.2e-4, 0.1, 2.62, 2.35, 0.89, 0.06),
    "WP": PaperOptimality(3e-5, 0.01, 12.84, 11.57, 0.90, 0.03),
}

#: under which keys of the configuration the penalties stand
PENALTIES = "optimality.regularizers."

#: what the paper states of its study (§3.2, §4), under the keys of the configuration
PAPER_STUDY = {
    "dataset": "mnist",
    "number of pairs": N_PAIRS,
    "network.hidden_units": 256,
    "network.alpha": 0.01,
    "training.batch_size": 64,
    "training.epsilon": 1e-5,
    "monotonicity.sizes": [64, 128, 256, 512, 1024, 2048, 4096, 8192],
    "monotonicity.number of seeds": 3,
    "monotonicity.learning_rate": 0.01,
    "optimality.size": 10_000,
    "optimality.number of seeds": 1,
    "optimality.grid_points": 10,
    "measures.n_samples": 1000,
    "measures.grid_points": 100,
    **{f"{PENALTIES}{name}.learning_rate": of.learning_rate for name, of in PAPER_TABLE2.items()},
}
