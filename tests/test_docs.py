"""The pages of docs/: what is generated is up to date, what is linked is there."""

import re
import subprocess
from pathlib import Path

import pandas as pd
import pytest
import yaml

from smoothcore.files.schemas import CURVE_COLUMNS, MEASURE_COLUMNS, RUN_COLUMNS
from smoothcore.results import reference, result_files, statistics
from smoothcore.study.run import COORDINATES
from tests.workflow import SNAKEMAKE
from workflow_scripts import __main__ as smoothcore_command

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
SITE = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
PAGES = [
    *DOCS.glob("*.md"),
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "results" / "README.md",
]


def test_columns_are_those_of_the_schemas():
    assert reference.PATH.read_text(encoding="utf-8") == reference.text(), "run `make reference`"


def test_every_table_is_described():
    empty = [pd.DataFrame()] * 3
    made = {f"{name}.csv" for name in statistics.all_tables(*empty)}
    described = set(re.findall(r"^## `(.*)`$", reference.text(), re.MULTILINE))
    assert described == made | {f"{n}.parquet" for n in ("runs", "measures", "curves", "grid")}


@pytest.mark.parametrize("columns", [RUN_COLUMNS, CURVE_COLUMNS, MEASURE_COLUMNS])
def test_a_column_says_what_it_means(columns):
    assert tuple(c.name for c in columns[: len(COORDINATES)]) == COORDINATES
    for column in columns:
        assert column.meaning.endswith(".") and column.meaning[0].isupper(), column.name


def test_the_menu_names_every_page_once():
    named = re.findall(r"^ +- .*: (\S+\.md)$", SITE, re.MULTILINE)
    assert sorted(named) == sorted(str(p.relative_to(DOCS)) for p in DOCS.rglob("*.md"))


def test_the_site_loads_nothing_from_elsewhere():
    theme = yaml.safe_load(SITE.split("\nplugins:")[0])["theme"]
    assert theme["font"] is False
    assert "extra_javascript" not in SITE


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_code_blocks_are_blocks_on_the_site(page):
    """Behind a language MkDocs knows options alone: another word would make text of the block."""
    found = re.findall(r"^```\w+ +(?!title=).*$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert not found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)", text):
        assert (page.parent / target).exists(), target


def test_lines_of_the_readme_fit_a_terminal():
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if len(line) > 100] == []


@pytest.mark.parametrize("page", ["README.md", "results/README.md"])
def test_files_of_the_listings_are_made(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    listed = re.findall(r"^ {4,6}((?:[\w.]+  )+) ", text[text.index("report.html  ") - 6 :], re.M)
    names = {name for line in listed for name in line.split()}
    made = {*result_files(partial=False), "grid.parquet"}
    assert {"table1.csv", "runs.parquet", "report.html"} < names <= made


COMMANDS = sorted(
    {
        re.sub(r" {2,}#.*", "", line).strip()
        for page in PAGES
        for line in re.findall(
            r"^ {4}(?:\.venv/bin/)?((?:snakemake|smoothcore|make) .*)", page.read_text(), re.M
        )
    }
)


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("make ")])
def test_make_targets_of_the_pages_exist(command):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{command.split()[1]}:", makefile, re.MULTILINE)


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("smoothcore ")])
def test_commands_of_the_pages_are_understood(command, monkeypatch, capsys, tmp_path):
    _, name, *options = command.split()
    assert name in smoothcore_command.COMMANDS
    monkeypatch.chdir(tmp_path)
    if options:
        # there are no results: it gets as far as that
        assert smoothcore_command.main([name, *options]) == 1
        assert capsys.readouterr().err.startswith("error: results/")


@pytest.mark.workflow
@pytest.mark.parametrize("command", [c for c in COMMANDS if "mine.yaml" in c or "wider.yaml" in c])
def test_studies_of_the_pages_are_planned(command, tmp_path):
    own = (DOCS / "own_study.md").read_text(encoding="utf-8")
    (mine,) = re.findall(r'```yaml title="mine.yaml"\n(.*?)```', own, re.DOTALL)
    (tmp_path / "mine.yaml").write_text(mine)
    (tmp_path / "wider.yaml").write_text("name: wider\nnetwork: {hidden_units: 128}\n")
    (tmp_path / "config").symlink_to(ROOT / "config")
    _, *options = command.split()
    plan = [SNAKEMAKE, "--snakefile", ROOT / "Snakefile", "--dry-run", "--quiet", *options]
    done = subprocess.run(plan, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    if "partial" not in command:
        assert re.search(r"\d+ runs would be computed", done.stderr)
