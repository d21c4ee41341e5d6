"""The pages of docs/: what is generated is up to date, what is linked is there."""

import re
from pathlib import Path

import pandas as pd
import pytest
import yaml

from smoothcore.files.schemas import CURVE_COLUMNS, MEASURE_COLUMNS, RUN_COLUMNS
from smoothcore.results import reference, statistics
from smoothcore.study.run import COORDINATES

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
SITE = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
PAGES = [*DOCS.glob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]


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
def test_links_lead_to_files(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)", text):
        assert (page.parent / target).exists(), target


def test_lines_of_the_readme_fit_a_terminal():
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if len(line) > 100] == []
