"""Write environment.yml, the conda environment with the exact versions of runtime.txt."""

from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements" / "runtime.txt"
PYTHON = "3.11"

#: what the markers of the lock are evaluated for
PLATFORM = {
    "python_full_version": f"{PYTHON}.0", "sys_platform": "linux", "platform_machine": "x86_64"
}  # fmt: skip

HEADER = f"""\
# A conda environment with the exact versions of requirements/runtime.txt (`make lock` writes it).
#
#     conda env create --file environment.yml && conda activate smoothcore
# Or give each job an environment that Snakemake makes of it: snakemake --sdm conda --cores all
name: smoothcore
channels:
  - conda-forge
dependencies:
  - python={PYTHON}
  - pip
  - pip:
"""


def pins(lock: str) -> list[str]:
    """Return ``name==version`` of every package of a lock that Linux on x86-64 installs."""
    lines = [line.removesuffix("\\").strip() for line in lock.splitlines() if line[:1].isalnum()]
    requirements = [Requirement(line) for line in lines]
    return [
        f"{requirement.name}{requirement.specifier}"
        for requirement in requirements
        if requirement.marker is None or requirement.marker.evaluate(PLATFORM)
    ]


def environment(lock: str) -> str:
    """Return the text of environment.yml for the text of a lock."""
    return HEADER + "".join(f"      - {pin}\n" for pin in pins(lock))


if __name__ == "__main__":
    (ROOT / "environment.yml").write_text(environment(LOCK.read_text(encoding="utf-8")), "utf-8")
