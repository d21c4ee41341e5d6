"""Profiles hold what results do not depend on, and nothing else; each is read by Snakemake."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
PROFILES = sorted((ROOT / "profiles").iterdir())
CLUSTER = [profile for profile in PROFILES if profile.name != "default"]
SUBMITTED = {"train", "measure"}


def read(profile):
    return yaml.safe_load((profile / "config.yaml").read_text(encoding="utf-8"))


def all_rules():
    text = "\n".join(
        path.read_text(encoding="utf-8")
        for path in [ROOT / "Snakefile", *(ROOT / "rules").glob("*.smk")]
    )
    return set(re.findall(r"^rule (\w+):", text, re.M))


def test_there_is_a_profile_for_one_machine_for_slurm_and_for_other_schedulers():
    assert [profile.name for profile in PROFILES] == ["default", "generic", "slurm"]


@pytest.fixture(scope="module")
def known():
    usage = subprocess.run(
        [sys.executable, "-m", "snakemake", "--help"], capture_output=True, text=True, check=True
    ).stdout
    return set(re.findall(r"--([a-z][\w-]+)", usage))


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_profile_names_options_that_snakemake_has(profile, known):
    own = {"slurm": "slurm-", "generic": "cluster-generic-"}.get(profile.name)
    unknown = {key for key in read(profile) if key not in known}
    assert all(own and key.startswith(own) for key in unknown), unknown


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_profile_holds_nothing_that_changes_results(profile):
    assert not {"config", "configfile", "configfiles", "set-params"} & set(read(profile))


def test_profile_of_one_machine_does_not_override_those_of_clusters():
    # it is loaded beside them, and wins
    for profile in CLUSTER:
        assert not set(read(ROOT / "profiles/default")) & set(read(profile)), profile


@pytest.mark.parametrize("profile", CLUSTER, ids=lambda profile: profile.name)
def test_cluster_profile_packs_short_runs_and_survives_a_failing_one(profile):
    keys = read(profile)
    assert keys["group-components"]["short"] > 1
    assert keys["group-components"]["long"] == 1
    assert keys["keep-incomplete"] is True
    assert keys["retries"] > 0
    assert {"mem_mb", "runtime"} <= set(keys["default-resources"])


@pytest.mark.parametrize("profile", CLUSTER, ids=lambda profile: profile.name)
def test_the_pages_quote_what_snakemake_says_without_the_plugin(profile):
    """It ends before it reads anything of ours: a search for its words finds the way out."""
    executor = read(profile)["executor"]
    if find_spec(f"snakemake_executor_plugin_{executor.replace('-', '_')}"):
        pytest.skip("the plugin is installed")
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--profile", str(profile), "--dry-run"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    message = f"invalid choice: '{executor}'"
    assert done.returncode == 2 and message in done.stderr
    assert message in (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")


def test_light_rules_stay_beside_snakemake_and_heavy_ones_are_submitted():
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "rules").glob("*.smk")]
    rules = [rule for text in texts for rule in re.split(r"^rule ", text, flags=re.M)[1:]]
    local = {rule.partition(":")[0] for rule in rules if "\n    localrule: True\n" in rule}
    assert local == all_rules() - SUBMITTED - {"all", "partial"}
