"""What is set right when Snakemake starts."""

import pytest
from snakemake.cli import get_argument_parser
from snakemake.settings.types import MaxJobsPerTimespan, SchedulingSettings

from smoothcore.workflow.start import lift_default_limit


@pytest.mark.parametrize(("given", "kept"), [(None, False), ("50/1s", True), ("100/1m", True)])
def test_the_limit_nobody_asked_for_is_lifted(given, kept):
    limit = given or get_argument_parser().get_default("max_jobs_per_timespan")
    settings = SchedulingSettings(max_jobs_per_timespan=MaxJobsPerTimespan.parse_choice(limit))
    lift_default_limit(settings)
    assert (settings.max_jobs_per_timespan is not None) == kept


@pytest.mark.parametrize("looking", [("--dag",), ("--summary",), ("--list-changes", "code")])
def test_commands_that_execute_nothing(empty, looking):
    """Snakemake builds its graph for these without settings of a scheduler."""
    said = empty.snakemake(*looking)
    assert "Building DAG of jobs..." in said
    assert not empty.results.exists()
