"""Kill a small grid at random moments, again and again, and see that nothing is lost.

    python -m tests.soak [--kills 200] [--seed 0] [--folder DIR]

Each kill is a `kill -9` of a workflow script, of snakemake alone (its jobs live on), or of
snakemake with all it started. Then the workflow is started again. Whenever the grid is complete it
must equal, bit for bit, one that nobody disturbed, and it is started anew if kills are left. All
the while every file under a final name is read and compared.
"""

import argparse
import collections
import contextlib
import itertools
import random
import re
import shlex
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from smoothcore.errors import DamagedFileError
from smoothcore.files.storage import read_parquet
from tests.workflow import (
    TARGETS,
    Workflow,
    comparable,
    final_files,
    kill_group,
    script_name,
    scripts_of,
    wait_until,
)

#: what is killed last in a start: one after the other, so that few kills see all of them
LAST = ("snakemake", "group", "script")

#: what has to be killed at least once, and the plan that does it
KINDS = {"train": "train", "snakemake alone": "snakemake", "snakemake and its jobs": "group"}

#: training takes a fraction of a second; quoted, since Snakemake would round a number
OPTIONS = ("--set-resources", "train:checkpoint_seconds='0.05'")


class Watcher(threading.Thread):
    """Reads every file that is visible under a final name, as soon and as often as it changes."""

    def __init__(self, workflow: Workflow, expected: dict[str, object]):
        super().__init__(daemon=True)
        self.workflow, self.expected = workflow, expected
        self.read, self.wrong, self._stop_asked = 0, [], threading.Event()

    def run(self) -> None:
        try:
            self._watch()
        except Exception as error:
            self.wrong.append(f"the watcher itself failed: {error!r}")

    def _watch(self) -> None:
        known = {}
        while not self._stop_asked.wait(0.02):
            for path in final_files(self.workflow.results):
                with contextlib.suppress(FileNotFoundError):
                    status = path.stat()
                    stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
                    if known.get(path) != stamp:
                        self._look_at(path)
                        known[path] = stamp

    def _look_at(self, path: Path) -> None:
        name = str(path.relative_to(self.workflow.results))
        try:
            found = comparable(path)
        except (DamagedFileError, FileNotFoundError) as error:
            if "does not exist" not in str(error) and path.exists():
                self.wrong.append(f"{name}: {error}")
            return
        self.read += 1
        if found != self.expected[name]:
            self.wrong.append(f"{name} differs")

    def stop(self) -> None:
        self._stop_asked.set()
        self.join()


def soak(
    workflow: Workflow,
    expected: dict[str, object],
    kills: int,
    seed: int,
    say: Callable[[str], None],
) -> collections.Counter:
    """Run the grid with this many kills, or more until each of `KINDS` was killed.

    Returns:
        What was killed how often, and what was seen.

    Raises:
        AssertionError: a file was wrong at any moment, or a complete grid differs.
    """
    rng, counts = random.Random(seed), collections.Counter()
    watcher, orphans, killed = Watcher(workflow, expected), [], 0
    last = itertools.cycle(LAST)
    watcher.start()
    try:
        while not watcher.wrong:
            # without the images nothing else can be killed: once is enough
            spared = {"prepare_data"} if counts["prepare_data"] else set()
            if killed < kills:
                plan = (["script"] * rng.randint(0, 2) + [next(last)])[: kills - killed]
            else:
                plan = [plan for kind, plan in KINDS.items() if not counts[kind]][:1]
            victims = _start_and_kill(workflow, rng, plan, orphans, spared)
            counts.update(victims)
            counts["starts"] += 1
            killed += len(victims)
            say(f"{killed} of {kills} kills; this time: {', '.join(victims) or 'none'}")
            if not all((workflow.results / name).exists() for name in expected):
                continue
            wait_until(lambda: not any(map(is_alive, orphans)))
            assert workflow.comparable() == expected
            counts["complete grids"] += 1
            runs = read_parquet(workflow.results / "runs.parquet")
            counts["resumes"] += sum(runs["resumes"].to_pylist())
            if killed >= kills and all(counts[kind] for kind in KINDS):
                break
            shutil.rmtree(workflow.results)
    finally:
        watcher.stop()
        for orphan in orphans:
            with contextlib.suppress(psutil.NoSuchProcess):
                orphan.kill()
    assert not watcher.wrong, watcher.wrong[:5]
    counts["files read meanwhile"] = watcher.read
    return counts


def _start_and_kill(
    workflow: Workflow,
    rng: random.Random,
    plan: list[str],
    orphans: list[psutil.Process],
    spared: set[str],
) -> list[str]:
    """Start the workflow once, and kill what the plan says."""
    process, killed = workflow.start(*TARGETS, *OPTIONS), []
    try:
        for what in plan:
            # one in eight dies before it has started a job
            if what == "train" or rng.random() > 1 / 8:
                wait_until(lambda w=what: _targets(process, w) or process.poll() is not None)
            time.sleep(rng.uniform(0, 0.1 if what == "train" else 4))
            orphans += (scripts := scripts_of(process))
            if process.poll() is not None:
                break
            names = {script: script_name(script) for script in scripts}
            victims = [
                script
                for script, name in names.items()
                if name not in {None, *spared} and what in ("script", name)
            ]
            if victims:
                victim = rng.choice(victims)
                with contextlib.suppress(psutil.NoSuchProcess):
                    victim.kill()
                    killed.append(names[victim])
            elif what == "snakemake":
                process.kill()
                process.wait()
                killed.append("snakemake alone")
                break
            elif what == "group":
                kill_group(process)
                killed.append("snakemake and its jobs")
                break
        process.wait(timeout=300)
    finally:
        if process.poll() is None:  # the jobs of a snakemake that was killed alone live on
            kill_group(process)
    if process.returncode < 0:
        workflow.snakemake("--unlock")
    elif not killed and process.returncode:
        # the job of a killed Snakemake may have written the images, unknown to the next one
        said = (workflow.folder / "snakemake.log").read_text()[-4000:]
        way_out = re.search(r"Prepare the images alone first:  (.+)", said)
        assert way_out, said
        subprocess.run(shlex.split(way_out[1]), check=True, timeout=300)
    return killed


def _targets(process: subprocess.Popen, what: str) -> list[psutil.Process]:
    """Return the scripts that run, of one kind or of any."""
    return [s for s in scripts_of(process) if what != "train" or script_name(s) == what]


def is_alive(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="an empty folder; a temporary one if not given")
    arguments = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        undisturbed = Workflow(folder / "undisturbed")
        undisturbed.snakemake(*TARGETS)
        expected = undisturbed.comparable()
        counts = soak(Workflow(folder / "killed"), expected, arguments.kills, arguments.seed, print)
    for name, count in sorted(counts.items()):
        print(f"{count:6} {name}")
    print(f"{time.monotonic() - began:.0f} s; every file and every complete grid was right")


if __name__ == "__main__":
    main()
