"""Writes what is generated from the models: the schema for editors and ``docs/config.md``.

python -m smoothcore.study.reference, or `make reference`, after a change of a model or of
``config.yaml``. The names that a room holds are in neither: a new measure makes nothing stale.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from smoothcore.study.messages import allowed, number, resolved, schema, show

ROOT = Path(__file__).parents[2]
SCHEMA_PATH = Path(__file__).with_name("config.schema.json")
REFERENCE_PATH = ROOT / "docs" / "config.md"

_HEAD = """\
# The keys of the configuration

<!-- `make reference` writes this page from smoothcore/study/models.py and config.yaml. -->

`config.yaml` states the study of the paper; every value is written out. A smaller or different
study is an overlay, a file that states only what it changes, and a name of its own:

    snakemake --cores all --configfile config/demo.yaml
    snakemake --cores all --configfile config/demo.yaml finer.yaml

- Files are laid over `config.yaml` in the order in which they are given, and `--config key=value`
  over all of them. Keys merge one by one; a list replaces the list below it as a whole.
- A layer that changes a result needs a `name: …` of its own, or its runs would be mixed into the
  results of the study below it.
- `null` switches off. Numbers with an exponent need a decimal point and a sign: `1.0e-5` (YAML
  reads `1e-5` as text). Text that looks like a number or a date needs quotes: `["3-5"]`.
- Snakemake does not start with a key that is unknown or a value that is not allowed; it names
  every problem at once.

The column *source* says where the paper (Volhejn & Lampert, GCPR 2020) has the value. The defaults
are those of `config.yaml`.
"""


def schema_text() -> str:
    """Return the JSON schema (draft 2020-12) of the line at the top of ``config.yaml``."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps(dialect | schema(), indent=2, ensure_ascii=False) + "\n"


def reference_text() -> str:
    """Return ``docs/config.md``."""
    values = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    return "\n".join([_HEAD, *_section("", schema(), values)])


def _section(path: str, node: dict, values: Any) -> Iterator[str]:
    """Yield the lines of a mapping: its keys in a table, then a section for each mapping in it."""
    values = values or {}
    keys = {key: resolved(child) for key, child in node["properties"].items()}
    yield from ["| key | meaning | allowed | default | source |", "| --- | --- | --- | --- | --- |"]
    for key, child in keys.items():
        if "properties" not in child:
            named = "x-room" in child.get("items", child) and child["type"] != "string"
            varies = named or "<name>" in path
            default = (
                "see `config.yaml`" if varies else _yaml(values.get(key, child.get("default")))
            )
            cells = [f"`{key}`", child["description"], allowed(child, names=False), default]
            yield "| " + " | ".join([*cells, child.get("x-source", "this project")]) + " |"
    for key, child in keys.items():
        inner, name = child, f"{path}{key}"
        if "x-room" in child and child["type"] == "object":
            inner, name = resolved(child["additionalProperties"]), f"{name}.<name>"
        if "properties" in inner:
            default = "; the default is null" if values.get(key, 0) is None else ""
            off = f" It may be null{default}." if inner.get("nullable") else ""
            yield from ["", f"## `{name}`", "", inner["description"] + off, ""]
            yield from _section(f"{name}.", inner, values.get(key))
    if not path:
        yield ""


def _yaml(value: Any) -> str:
    """Write a default as in YAML."""
    if isinstance(value, list):
        return "`[" + ", ".join(map(show, value)) + "]`"
    return f"`{number(value) if isinstance(value, float) else value or 'null'}`"


def main() -> None:
    """Write both files."""
    SCHEMA_PATH.write_text(schema_text(), encoding="utf-8")
    REFERENCE_PATH.write_text(reference_text(), encoding="utf-8")


if __name__ == "__main__":
    main()
