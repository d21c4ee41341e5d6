"""The workflow on a real SLURM cluster of two nodes, with what goes wrong on one.

One study of six runs is run once, as `snakemake --profile profiles/slurm`. While it runs, one
job is held until it hits its time limit, one node dies, and one run cannot be trained. Each test
looks at one thing that must be true afterwards.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from smoothcore.files import schemas
from smoothcore.files.paths import Layout
from smoothcore.files.records import read_run_table, read_weights
from smoothcore.study.config import load_study
from smoothcore.study.grid import all_runs
from smoothcore.study.run import Run
from tests import slurm_cluster
from tests.engine_cases import bits
from tests.slurm_cluster import NODES, Cluster

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.skipif(
        slurm_cluster.reason_to_skip() is not None, reason=str(slurm_cluster.reason_to_skip())
    ),
]

ROOT = Path(__file__).parent.parent

# ε is out of reach, so that a run takes all its epochs: some four seconds, or more
STUDY = """\
name: cluster
dataset: digits
pairs: ["0-1"]
network: {hidden_units: 64, alpha: 0.1}
training: {engine: sparse, batch_size: 16, epsilon: 1.0e-12, max_epochs: 100000}
monotonicity: {sizes: [200, 240], seeds: [0, 1, 2], learning_rate: 0.001}
optimality: null
measures: {names: [GN, WP], n_samples: 20, grid_points: 10}
"""
TARGETS = ["results/cluster/runs.parquet", "results/cluster/measures.parquet"]
FAILING = Run("0-1", 200, 2, "none", 0.0, 0.001)
LAYOUT = Layout(Path("results/cluster"))


@dataclass(frozen=True)
class Story:
    """What happened.

    Attributes:
        runs: the runs of the study.
        study: working folder of the run on the cluster.
        local: working folder of the same study run on this machine.
        first: exit code and output of the first run, in which one run fails.
        second: those of the run after the cause was removed.
        held: the runs that were held, by node: on the first node until the time limit, on the
            second until the node died.
        jobs: the jobs of the cluster after the first run.
        unblocked: when the cause of the failure was removed, in seconds since the epoch.
    """

    runs: list[Run]
    study: Path
    local: Path
    first: tuple[int, str]
    second: tuple[int, str]
    held: dict[str, Run]
    jobs: list[dict[str, str]]
    unblocked: float

    def record(self, run: Run) -> dict:
        """The record of a run of the run on the cluster."""
        table = read_run_table(self.study / LAYOUT.record(run), run, schemas.RUNS)
        return table.to_pylist()[0]


def snakemake(folder: Path, *options: str) -> list:
    return [
        sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile",
        "--directory", folder, "--configfile", folder / "study.yaml", *options, "--", *TARGETS,
    ]  # fmt: skip


def on_cluster(folder: Path) -> list:
    return snakemake(
        folder,
        "--profile", str(ROOT / "profiles/slurm"),
        # this cluster keeps no accounts, and a test has no minutes to wait
        "--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "2",
        "--latency-wait", "10", "--retries", "1", "--group-components", "short=1", "long=1",
        "--set-resources", "train:runtime=attempt", "train:checkpoint_seconds=1",
        "measure:runtime=0",
    )  # fmt: skip


def in_training(cluster: Cluster, runs: list[Run]) -> dict[Run, tuple[str, int]]:
    """The runs that are being trained on the cluster, with node and process id."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            arguments = (process / "cmdline").read_bytes().decode().split("\0")
            variables = (process / "environ").read_bytes().decode(errors="replace").split("\0")
            if arguments[1:4] != ["-P", "-m", "workflow_scripts.train"]:
                continue
            if f"SLURM_CONF={cluster.folder}/slurm.conf" not in variables:
                continue
            settings = json.loads(arguments[arguments.index("--settings") + 1])
            (run,) = (run for run in runs if run.coordinates == settings["run"])
            (node,) = (v.partition("=")[2] for v in variables if v.startswith("SLURMD_NODENAME="))
            found[run] = (node, int(process.name))
    return found


def hold_one_on_each_node(cluster: Cluster, workflow, folder: Path, runs: list[Run]) -> dict:
    """Stop one training on each node, once it has a checkpoint; return which."""
    held = {}

    def one_on_each_node():
        assert workflow.poll() is None, "the workflow ended before anything went wrong"
        for run, (node, process) in in_training(cluster, runs).items():
            saved = (folder / LAYOUT.checkpoint(run)).exists()
            if node not in held and saved:
                os.kill(process, signal.SIGSTOP)
                held[node] = run
        return set(held) == set(NODES)

    cluster.wait_until(one_on_each_node, "a run has a checkpoint on each node", seconds=120)
    return held


def hosts_of_completed(jobs: list[dict[str, str]]) -> set[str]:
    """The nodes on which jobs came to a good end."""
    return {job["BatchHost"] for job in jobs if job["JobState"] == "COMPLETED"}


def act(cluster: Cluster, folder: Path, local: Path, runs: list[Run]) -> Story:
    """Run the study on the cluster while things go wrong."""
    blocked = folder / LAYOUT.checkpoint(FAILING).parent
    blocked.parent.mkdir(parents=True)
    blocked.write_text("a file where a folder is needed")
    output = folder / "first.txt"
    with output.open("wb") as out:
        first = subprocess.Popen(
            on_cluster(folder), env=cluster.environment, stdout=out, stderr=out, cwd=folder
        )
        try:
            held = hold_one_on_each_node(cluster, first, folder, runs)
            cluster.wait_until(
                lambda: NODES[0] in hosts_of_completed(cluster.jobs()),
                "a run is complete on the first node",
            )
            # from here on all that is left is work for the second node
            cluster.drain_node(NODES[0])
            cluster.kill_node(NODES[1])
            cluster.wait_until(
                lambda: NODES[1] in cluster.nodes_in_state("down"), "the loss of a node is noticed"
            )
            cluster.start_node(NODES[1])
            # what is held on the other node stays so until its time is up
            subprocess.run(
                snakemake(local, "--cores", "1", "--quiet"), check=True, capture_output=True
            )
            code = first.wait(timeout=240)
        finally:
            first.kill()
            first.wait()
    jobs = cluster.jobs()
    unblocked = time.time()
    blocked.unlink()
    second = subprocess.run(
        on_cluster(folder), env=cluster.environment, cwd=folder, text=True, timeout=120,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return Story(
        runs=runs,
        study=folder,
        local=local,
        first=(code, output.read_text(errors="replace")),
        second=(second.returncode, second.stdout),
        held=held,
        jobs=jobs,
        unblocked=unblocked,
    )


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slurm")
    for name in ("study", "local"):
        (folder / name).mkdir()
        (folder / name / "study.yaml").write_text(STUDY, encoding="utf-8")
    overlay = yaml.safe_load(STUDY)
    base = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    runs = all_runs(load_study({**base, **overlay}))
    try:
        plugin = slurm_cluster.plugin_folder(folder)
    except subprocess.CalledProcessError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"the SLURM plugin of requirements/slurm.txt is not here: {error}")
    cluster = Cluster(folder / "cluster")
    cluster.environment["PYTHONPATH"] = str(plugin)
    with cluster:
        yield act(cluster, folder / "study", folder / "local", runs)


def test_every_run_is_there_in_the_end(story):
    code, output = story.second
    assert code == 0, output
    for run in story.runs:
        assert story.record(run)["epochs"] == yaml.safe_load(STUDY)["training"]["max_epochs"]
        assert (story.study / LAYOUT.measured(run)).exists()


def test_both_nodes_did_work(story):
    assert hosts_of_completed(story.jobs) == set(NODES)


def test_weights_are_those_of_a_local_run_to_the_last_bit(story):
    for run in story.runs:
        one, other = (
            bits(read_weights(where / LAYOUT.weights(run))) for where in (story.study, story.local)
        )
        assert one == other, run


def test_a_job_that_hit_its_time_limit_was_sent_again_and_continued(story):
    assert [job["JobState"] for job in story.jobs].count("TIMEOUT") == 1
    assert story.record(story.held[NODES[0]])["resumes"] == 1


def test_jobs_of_a_node_that_died_were_queued_again_and_continued(story):
    requeued = [job for job in story.jobs if int(job["Restarts"]) > 0]
    assert 1 <= len(requeued) <= 2, "a node runs two jobs at a time"
    # the run that cannot be trained may have been among them
    assert {job["JobState"] for job in requeued} - {"FAILED"} == {"COMPLETED"}
    assert story.record(story.held[NODES[1]])["resumes"] == 1


def test_a_failing_run_names_its_log_and_leaves_the_others_running(story):
    code, output = story.first
    assert code == 1
    log = str(LAYOUT.log("train", FAILING))
    assert re.search(rf"Error in rule train:(?:(?!Error in).)*log: {re.escape(log)}", output, re.S)
    assert "error: cannot write" in output, "what the log says is on the screen"
    for run in set(story.runs) - {FAILING}:
        assert (story.study / LAYOUT.record(run)).stat().st_mtime < story.unblocked


def test_jobs_on_a_cluster_are_submitted_whether_they_run_or_wait(story):
    assert re.search(r"of 6 runs done, \d submitted \(pair 0-1, size ", story.first[1])


def test_a_failing_job_was_tried_as_often_as_the_profile_says(story):
    assert [job["JobState"] for job in story.jobs].count("FAILED") == 2


def test_a_second_run_submits_what_is_missing_and_nothing_else(story):
    submitted = re.findall(r"has been submitted with SLURM jobid", story.second[1])
    assert len(submitted) == 1
    assert re.findall(r"Training: .*size (\d+), seed (\d+)", story.second[1]) == [("200", "2")]
