"""From tables of runs and measures to statistics, figures and the report."""
