"""A SLURM cluster of two nodes on the loopback of this machine, for tests.

Everything lies in one folder: keys, sockets, state, logs. Nothing of the system is changed, no
service is needed, and other clusters on the machine are not disturbed: the ports are free ones.
"""

import contextlib
import importlib.util
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "sinfo", "srun")
PARTITION = "normal"  # as in profiles/slurm
NODES = ("n1", "n2")

CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket,cred_expire=10
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherParams=OverMemoryKill
JobAcctGatherFrequency=1
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0
SlurmdParameters=config_overrides
SlurmdTimeout=5
InactiveLimit=0
KillWait=10
OverTimeLimit=0
MinJobAge=600
ReturnToService=2
"""


def reason_to_skip() -> str | None:
    """Return why no cluster can be started here, or None."""
    if not sys.platform.startswith("linux"):
        return "a SLURM cluster needs Linux"
    missing = [name for name in PROGRAMS if _which(name) is None]
    if missing:
        return f"SLURM is not installed: no {missing[0]} (apt install slurm-wlm munge)"
    if os.geteuid() != 0:
        return "starting a SLURM cluster needs root"
    return None


def _which(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


class Cluster:
    """Two nodes of two processors each, running while the ``with`` block does.

    Attributes:
        environment: the environment variables with which commands reach this cluster.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._processes: dict[str, subprocess.Popen] = {}
        bin_folder = self.folder / "bin"
        self.environment = {
            **os.environ,
            "SLURM_CONF": str(self.folder / "slurm.conf"),
            "PATH": f"{bin_folder}:{os.environ['PATH']}:/usr/sbin:/sbin",
        }

    def __enter__(self) -> "Cluster":
        try:
            self._configure()
            self._start_munge()
            self._start("slurmctld", "slurmctld", "-D", "-c")
            for node in NODES:
                self.start_node(node)
            self.wait_until(
                lambda: set(self.nodes_in_state("idle")) == set(NODES), "both nodes are idle"
            )
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(subprocess.SubprocessError):
            self.run("scancel", "--user=root", "--full", check=False, timeout=10)
            deadline = time.monotonic() + 10
            while self.run("squeue", "--noheader", check=False).strip():
                if time.monotonic() > deadline:
                    break
                time.sleep(0.2)
        for name in reversed(list(self._processes)):
            self._stop(name)

    def run(self, *command: str, check: bool = True, timeout: float = 30) -> str:
        """Run a SLURM command and return what it prints."""
        done = subprocess.run(
            command, env=self.environment, check=check, text=True, capture_output=True,
            timeout=timeout,
        )  # fmt: skip
        return done.stdout

    def nodes_in_state(self, state: str) -> list[str]:
        """Return the names of the nodes in a state such as ``idle``."""
        return self.run("sinfo", "-h", "-N", "-t", state, "-o", "%N", check=False).split()

    def jobs(self) -> list[dict[str, str]]:
        """Return id, state, node, limit, restarts and comment of every job, finished ones too."""
        text = self.run("scontrol", "--oneliner", "show", "job", check=False)
        found = [
            dict(re.findall(r"(\w+)=(\S*)", line)) for line in text.splitlines() if "=" in line
        ]
        return [job for job in found if "JobId" in job]

    def start_node(self, node: str) -> None:
        """Start the daemon of a node."""
        self._start(node, "slurmd", "-D", "-N", node)

    def drain_node(self, node: str) -> None:
        """Let a node finish what runs on it and give it nothing new."""
        self.run("scontrol", "update", f"NodeName={node}", "State=DRAIN", "Reason=test")

    def kill_node(self, node: str) -> None:
        """Take a node away as a power cut does: its daemon and all that runs on it."""
        daemon = self._processes.pop(node)
        daemon.kill()
        daemon.wait()
        for pid in self._processes_on(node):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)

    def _processes_on(self, node: str) -> list[int]:
        """Return the ids of the processes of this cluster's jobs on a node.

        Their keepers come first: one that outlives its job has time to report that it failed.
        """
        marks = {f"SLURM_CONF={self.folder}/slurm.conf", f"SLURMD_NODENAME={node}"}
        keepers, found = set(), set()
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                environment = (process / "environ").read_bytes().decode(errors="replace")
                if marks <= set(environment.split("\0")):
                    found.add(int(process.name))
                    parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
                    if "slurmstepd" in Path(f"/proc/{parent}/cmdline").read_text():
                        keepers.add(int(parent))
        return [*keepers, *(found - keepers)]

    def wait_until(self, holds, what: str, seconds: float = 60) -> None:
        """Wait until ``holds()`` is true.

        Raises:
            TimeoutError: it did not become true in time.
        """
        deadline = time.monotonic() + seconds
        while not holds():
            for name, process in self._processes.items():
                if process.poll() is not None:
                    raise RuntimeError(f"{name} ended:\n{self._log(name)}")
            if time.monotonic() > deadline:
                logs = "\n".join(self._log(name) for name in self._processes)
                raise TimeoutError(f"not within {seconds} s: {what}\n{logs}")
            time.sleep(0.2)

    def _configure(self) -> None:
        for name in ("bin", "munge", "state", *(f"spool-{node}" for node in NODES)):
            (self.folder / name).mkdir(parents=True)
        host = socket.gethostname().split(".")[0]
        controller_port, *ports = _free_ports(1 + len(NODES))
        lines = [
            CONFIGURATION.format(host=host, folder=self.folder, controller_port=controller_port)
        ]
        lines += [
            f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=2 "
            f"CoresPerSocket=2 RealMemory=4000\n"
            for node, port in zip(NODES, ports, strict=True)
        ]
        lines.append(f"PartitionName={PARTITION} Nodes={','.join(NODES)} Default=YES State=UP\n")
        conf = self.folder / "slurm.conf"
        conf.write_text("".join(lines), encoding="utf-8")
        # the executor's job step drops SLURM_CONF from the environment of its srun
        wrapper = self.folder / "bin" / "srun"
        wrapper.write_text(
            f'#!/bin/sh\nexport SLURM_CONF={conf}\nexec {_which("srun")} "$@"\n', encoding="utf-8"
        )
        wrapper.chmod(0o755)

    def _start_munge(self) -> None:
        munge = self.folder / "munge"
        key = munge / "key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        options = {name: munge / name for name in ("socket", "pid-file", "log-file", "seed-file")}
        self._start(
            "munged", "munged", "--foreground", "--force", f"--key-file={key}",
            *(f"--{name}={path}" for name, path in options.items()),
        )  # fmt: skip
        self.wait_until(options["socket"].exists, "munged listens")

    def _start(self, name: str, *command: str) -> None:
        with (self.folder / f"{name}.out").open("ab") as out:
            self._processes[name] = subprocess.Popen(
                command, env=self.environment, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                cwd=self.folder, start_new_session=True,
            )  # fmt: skip

    def _stop(self, name: str) -> None:
        process = self._processes.pop(name)
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _log(self, name: str) -> str:
        text = (self.folder / f"{name}.out").read_text(errors="replace")
        return f"--- {name}\n{text[-2000:]}"


def plugin_folder(target: Path) -> Path:
    """Install the executor plugin of requirements/slurm.txt below ``target`` and return its folder.

    Only what runtime.txt lacks is installed, with its hashes, beside the environment and not into
    it: there it would slow every start of Snakemake.

    Raises:
        subprocess.CalledProcessError: pip could not install it; its output says why.
    """
    if importlib.util.find_spec("snakemake_executor_plugin_slurm"):
        return Path(importlib.util.find_spec("snakemake_executor_plugin_slurm").origin).parents[1]
    lock = (ROOT / "requirements/slurm.txt").read_text(encoding="utf-8")
    blocks = re.findall(r"^snakemake-executor-plugin-slurm.*(?:\n    --hash.*)+", lock, re.M)
    requirements = target / "plugin.txt"
    requirements.write_text("\n".join(block.rstrip("\\ ") for block in blocks) + "\n")
    pip = [sys.executable, "-m", "pip"]
    if not importlib.util.find_spec("pip"):
        pip = [_which("pip") or _which("pip3"), "--python", sys.executable]
    subprocess.run(
        [*pip, "install", "--quiet", "--disable-pip-version-check", "--no-deps",
         "--require-hashes", "--target", target / "plugin", "--requirement", requirements],
        check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return target / "plugin"
