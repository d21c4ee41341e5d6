"""The public checks call what exists, from pinned actions, with no more rights than they need."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([\w-]+):", MAKEFILE, re.MULTILINE))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def loaded(path: str) -> dict:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


WORKFLOWS = {
    path.name: loaded(f".github/workflows/{path.name}")
    for path in sorted((ROOT / ".github" / "workflows").iterdir())
}
JOBS = [(name, job) for name, workflow in WORKFLOWS.items() for job in workflow["jobs"]]
CHECKS = WORKFLOWS["checks.yml"]["jobs"]


def commands(jobs: dict) -> list[str]:
    return [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]


def made_by(text: str) -> set[str]:
    return {word for line in text.splitlines() for word in re.findall(r"^ *make ([\w-]+)", line)}


def test_every_command_exists():
    for name, workflow in WORKFLOWS.items():
        for command in commands(workflow["jobs"]):
            program, *targets = shlex.split(command)
            known = set(targets) <= TARGETS if program == "make" else (ROOT / program).is_file()
            assert known, f"{name}: {command}"


def test_what_ci_runs_is_checked_in_public():
    here = made_by((ROOT / ".ci" / "run").read_text(encoding="utf-8"))
    assert here >= {"check", "test", "demo", "docs"}
    # the soak takes too long for every change: once a week is enough
    assert made_by("\n".join(commands(CHECKS))) == here | {"soak"}


def test_each_python_of_the_project_is_tested():
    low, high = (int(n) for n in re.findall(r"3\.(\d+)", PROJECT["requires-python"]))
    supported = [f"3.{minor}" for minor in range(low, high)]
    assert CHECKS["test"]["strategy"]["matrix"]["python"] == supported


def test_a_check_a_week():
    # YAML reads the key `on` as true
    (schedule,) = WORKFLOWS["checks.yml"][True]["schedule"]
    minute, hour, day, month, weekday = schedule["cron"].split()
    assert (day, month) == ("*", "*") and minute.isdigit() and hour.isdigit() and weekday.isdigit()


@pytest.mark.parametrize(("name", "job"), JOBS)
def test_actions_are_pinned_by_commit(name, job):
    used = [step["uses"] for step in WORKFLOWS[name]["jobs"][job]["steps"] if "uses" in step]
    assert used
    for action in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action), action


def test_one_commit_for_each_action():
    text = "\n".join(p.read_text() for p in (ROOT / ".github" / "workflows").iterdir())
    pins: dict[str, set[str]] = {}
    for action, commit, version in re.findall(r"uses: (\S+)@(\S+)  # (v[\d.]+)$", text, re.M):
        pins.setdefault(action, set()).add((commit, version))
    assert sum(text.count(f"{action}@") for action in pins) == text.count("uses:")
    assert all(len(found) == 1 for found in pins.values()), pins


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_may_read_the_repository_and_no_more(name):
    workflow = WORKFLOWS[name]
    assert workflow["permissions"] == {"contents": "read"}
    asks_more = {job for job, about in workflow["jobs"].items() if "permissions" in about}
    assert asks_more <= {"deploy"}
    assert workflow["jobs"].get("deploy", {}).get("permissions", {}).keys() <= {"pages", "id-token"}


@pytest.mark.parametrize(("name", "job"), JOBS)
def test_a_job_ends_and_leaves_no_credentials(name, job):
    about = WORKFLOWS[name]["jobs"][job]
    assert about["timeout-minutes"] <= 120
    for step in about["steps"]:
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_dependabot_watches_what_is_pinned():
    watched = {
        u["package-ecosystem"]: u["directory"] for u in loaded(".github/dependabot.yml")["updates"]
    }
    assert watched == {"github-actions": "/", "pip": "/requirements"}
    assert list((ROOT / "requirements").glob("*.txt"))


def test_hooks_before_a_commit_are_what_the_checks_run():
    repos = {repo["repo"]: repo for repo in loaded(".pre-commit-config.yaml")["repos"]}
    local = [hook["entry"].split()[0] for hook in repos.pop("local")["hooks"]]
    for program in local:
        assert f"$(BIN)/{program.removeprefix('.venv/bin/')}" in MAKEFILE
    assert {Path(p).name for p in local} == {"ruff", "snakefmt", "mypy"}
    for repo in repos.values():
        assert re.fullmatch(r"[0-9a-f]{40}", repo["rev"])


def test_the_version_is_in_one_place():
    from smoothcore import __version__

    assert "version" in PROJECT["dynamic"] and "version" not in PROJECT
    assert loaded("CITATION.cff")["version"] == __version__
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{__version__}]" in changelog and "## [Unreleased]" in changelog


def test_the_citation_names_the_paper():
    (paper,) = loaded("CITATION.cff")["references"]
    assert paper["doi"] == "10.1007/978-3-030-71278-5_18"
