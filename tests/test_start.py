"""What is set right when Snakemake starts, and what is said of targets that do not exist."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from snakemake.cli import get_argument_parser
from snakemake.settings.types import MaxJobsPerTimespan, SchedulingSettings

from smoothcore.errors import ConfigError
from smoothcore.workflow.messages import Messages
from smoothcore.workflow.start import lift_default_limit, open_session


@pytest.mark.parametrize(("given", "kept"), [(None, False), ("50/1s", True), ("100/1m", True)])
def test_the_limit_nobody_asked_for_is_lifted(given, kept):
    limit = given or get_argument_parser().get_default("max_jobs_per_timespan")
    settings = SchedulingSettings(max_jobs_per_timespan=MaxJobsPerTimespan.parse_choice(limit))
    lift_default_limit(settings)
    assert (settings.max_jobs_per_timespan is not None) == kept


#: Ctrl-C after asyncio has taken a task's step from its list, and before it carries it out
INTERRUPTED_AMID_ASYNCIO = """
import asyncio, signal
from smoothcore.workflow.messages import interrupts

steps, carry_out = [], asyncio.events.Handle._run

def interrupted(handle):
    steps.append(handle)
    if len(steps) == 4:
        signal.raise_signal(signal.SIGINT)
    carry_out(handle)

interrupted.__globals__["__name__"] = "asyncio.events"
asyncio.events.Handle._run = interrupted
interrupts.listen()

async def prepare():
    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(asyncio.sleep(0.001))

with asyncio.Runner() as runner:
    runner.run(prepare())
"""


def test_ctrl_c_amid_asyncio_hangs_nothing():
    """Snakemake looks for the files of a job so, and closes the loop at its end."""
    code = [sys.executable, "-c", INTERRUPTED_AMID_ASYNCIO]
    done = subprocess.run(code, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.strip() == "interrupted; the same command continues"


def test_long_messages_are_shortened():
    """The job that collects a grid has thousands of inputs and, updated, a reason that long."""
    files = [f"{k}.parquet" for k in range(4725)]
    job = {"input": files, "reason": ", ".join(files), "event": "job_error"}
    record = logging.makeLogRecord(job)
    assert Messages({}, Path(), logging.NullHandler()).filter(record)
    assert record.input == ["0.parquet", "1.parquet", "2.parquet", "… and 4,722 more"]
    assert len(record.reason) < 310 and record.reason.endswith(" …")
    record = logging.makeLogRecord(job | {"input": files[:3], "reason": "Forced execution"})
    assert Messages({}, Path(), logging.NullHandler()).filter(record)
    assert (record.input, record.reason) == (files[:3], "Forced execution")


@pytest.mark.parametrize("looking", [("--dag",), ("--summary",), ("--list-changes", "code")])
def test_commands_that_execute_nothing(empty, looking):
    """Snakemake builds its graph for these without settings of a scheduler."""
    said = empty.snakemake(*looking)
    assert "Building DAG of jobs..." in said
    assert not empty.results.exists()


def test_a_folder_that_jobs_could_not_name_is_refused():
    for folder in ("/a:b/main", "/a/{b}"):
        with pytest.raises(ConfigError, match=r"must not have .* in its path"):
            open_session(None, {}, Path(folder))


def test_one_configfile_option_names_all_files(empty):
    said = empty.snakemake("-n", "--configfile", "config.yaml", fails=True)
    assert "--configfile is given more than once" in said
    assert "--configfile a.yaml b.yaml" in said
    said = empty.snakemake("-n", "--config", "name=a", "-C", "name=b", fails=True)
    assert "--config is given more than once" in said


def test_a_target_that_is_no_run_is_refused(empty):
    """It would lie beside a finished run, in a file that no table reads."""
    name = "regularizer=GN/lambda-1e-4_lr-0.005"
    target = f"results/tiny/weights/pair=0-1/size=32/seed=0/{name}.npz"
    assert "MissingRuleException" in empty.snakemake("-n", target, fails=True)
