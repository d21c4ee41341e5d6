"""What a study found: statistics, tables, figures and the report.

Snakemake imports this module whenever it starts, so it imports nothing.
"""

#: what all runs say, one table for all
COLLECTED = ("runs.parquet", "measures.parquet", "curves.parquet")
#: made from those of runs and measures; each figure shows the numbers of one of the tables
TABLES = ("table1", "table2", "kendall_tau", "r_norm", "edge", "penalty_effects", "rate_effects")
FIGURES = ("monotonicity", "figure2", "r_norm", "edge", "penalty_effects")
FORMATS = ("svg", "png", "pdf")


def result_files(*, partial: bool) -> list[str]:
    """Return the names of the files that answer the question, in one folder.

    Args:
        partial: of the runs that are there; Figure 1 belongs to the whole study.
    """
    figures = FIGURES if partial else ("figure1", *FIGURES)
    return [
        *COLLECTED,
        *(f"{name}.csv" for name in TABLES),
        *(f"{name}.{kind}" for name in figures for kind in FORMATS),
        "report.html",
    ]
