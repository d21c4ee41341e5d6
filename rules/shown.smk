# The place of each table and figure in Snakemake's own report.
#
# One label per report() output: of labels with two values each, Snakemake's page makes switches,
# and it fails where a combination of their values has no file.

TITLES = {
    "table1": "Table 1: Kendall's τ",
    "table2": "Table 2: r_norm",
    "kendall_tau": "Kendall's τ pair by pair",
    "figure1": "Figure 1: smooth and not smooth",
    "monotonicity": "Measures by training set size",
    "figure2": "Figure 2: measures by λ",
    "r_norm": "r_norm: the same pairs with and without a penalty",
    "edge": "How far λ was pushed: r_norm by λ",
    "penalty_effects": "What a penalty does to the other measures",
    "rate_effects": "What another learning rate does to the measures",
}


def shown(kind, path):
    """A table or a figure with its place in Snakemake's own report."""
    name = Path(path).stem
    return report(
        path,
        caption=f"../report/{name}.rst",
        category=f"{kind.title()}s",
        labels={kind: TITLES[name]},
    )
