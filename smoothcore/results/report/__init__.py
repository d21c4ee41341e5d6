"""The report: one self-contained page of a study's results, made from its tables."""
