"""What MkDocs does beside Markdown: files of the repository, a table of all measures."""

import json
import os
import re
import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))  # the measures of this checkout, whatever is installed

from smoothcore.measures import all_measures  # noqa: E402


def on_config(config: MkDocsConfig) -> None:
    """Take the addresses of the published site and of the repository, where they are told."""
    config.site_url = os.environ.get("SITE_URL", "")
    config.repo_url = os.environ.get("REPO_URL", "")


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add the published figures that pages show, the report, and the tables it is made of."""
    paper = ROOT / "results" / "paper"
    for published in ("monotonicity.svg", "figure2.svg", "report.html", "*.csv", "*.parquet"):
        for path in paper.glob(published):
            name = path.relative_to(ROOT).as_posix()
            files.append(File.generated(config, name, abs_src_path=str(path)))


def on_page_markdown(markdown: str, **_: object) -> str:
    """Fill in pages of the repository for links to them, and places marked by a comment."""
    markdown = re.sub(r"^\[(\w+\.md)\]\(\.\./\1\)$", _page, markdown, flags=re.MULTILINE)
    markdown = re.sub(r"<!-- (\S+\.py) -->", _code, markdown)
    markdown = re.sub(r"<!-- (\S+\.ipynb) -->", _notebook, markdown)
    markdown = markdown.replace("](../results/", "](results/")
    markdown = markdown.replace("<!-- table of all measures -->", _table())
    return markdown.replace("<!-- a module for each measure -->", _modules())


def _page(match: re.Match[str]) -> str:
    """Return a page of the repository; its links lead to those of the site."""
    text = (ROOT / match[1]).read_text(encoding="utf-8").replace("](docs/", "](")
    return re.sub(r"\]\(([A-Z]+)\.md\)", lambda link: f"]({link[1].lower()}.md)", text)


def _code(match: re.Match[str]) -> str:
    """Return a source file of the repository as a block."""
    text = (ROOT / match[1]).read_text(encoding="utf-8")
    return f'```python title="{match[1]}"\n{text}```'


def _notebook(match: re.Match[str]) -> str:
    """Return a notebook with the outputs that are stored in it."""
    parts = []
    for cell in json.loads((ROOT / match[1]).read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
        parts.extend(map(_output, cell.get("outputs", [])))
    return "\n\n".join(parts)


def _output(output: dict) -> str:
    data = output.get("data", {"text/plain": output.get("text")})
    data = {kind: "".join(content) for kind, content in data.items()}
    if "image/png" in data:
        return f'<img alt="figure" src="data:image/png;base64,{data["image/png"].strip()}">'
    if "text/html" in data:
        # a plain table, which the theme styles
        return re.sub(
            r"<style.*?</style>\n|(?<=<table)[^>]*", "", data["text/html"], flags=re.DOTALL
        )
    return f"```text\n{data['text/plain'].strip()}\n```"


def _modules() -> str:
    """Return the directives by which mkdocstrings shows the module of each measure."""
    return "\n".join(f"::: {about.module}" for about in all_measures().values())


def _table() -> str:
    rows = ["| | name | order | images | lower bound | estimators | source |", "| --- " * 7 + "|"]
    for about in all_measures().values():
        estimators = ", ".join(
            f"**{name}**" if name == about.main_estimator else name for name in about.estimators
        )
        rows.append(
            f"| {about.name} | {about.long_name} | {about.order} | {about.images or '–'} "
            f"| {about.lower_bound:g} | {estimators} | {about.source} |"
        )
    return "\n".join(rows)
