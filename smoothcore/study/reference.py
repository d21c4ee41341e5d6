"""Writes what is generated from the models: the schema for editors and ``docs/config.md``.

python -m smoothcore.study.reference, or `make reference`, after a change of a model or of
``config.yaml``. The names that a room holds are in neither: a new measure makes nothing stale.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from smoothcore.study.messages import allowed, number, resolved, schema, show

ROOT = Path(__file__).parents[2]
SCHEMA_PATH = Path(__file__).with_name("config.schema.json")
REFERENCE_PATH = ROOT / "docs" / "config.md"

#: the generated part of the page begins below this
_MARK = "<!-- below: `make reference` writes it from smoothcore/study/models.py and config.yaml -->"


def schema_text() -> str:
    """Return the JSON schema (draft 2020-12) of the line at the top of ``config.yaml``."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    plain = json.loads(json.dumps(dialect | schema()), object_hook=_for_editors)
    return json.dumps(plain, indent=2, ensure_ascii=False) + "\n"


def _for_editors(node: dict) -> dict:
    """Leave out the titles, which only repeat the keys, and the notes (``x-…``)."""
    return {
        key: value
        for key, value in node.items()
        if not key.startswith("x-") and (key, type(value)) != ("title", str)
    }


def reference_text() -> str:
    """Return ``docs/config.md``."""
    values = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    prose = REFERENCE_PATH.read_text(encoding="utf-8").partition(_MARK)[0]
    return "\n".join([prose + _MARK, "", *_section("", schema(), values)])


def _section(path: str, node: dict, values: Mapping) -> Iterator[str]:
    """Yield the lines of a mapping: its keys in a table, then a section for each mapping in it."""
    keys = {key: resolved(child) for key, child in node["properties"].items()}
    yield from ["| key | meaning | allowed | default | source |", "| --- | --- | --- | --- | --- |"]
    for key, child in keys.items():
        if "properties" not in child:
            named = "x-room" in child.get("items", child) and child["type"] != "string"
            default = _yaml(values.get(key, child.get("default")))
            default = "see `config.yaml`" if named or "<name>" in path else default
            cells = [f"`{key}`", child["description"], allowed(child, names=False), default]
            yield "| " + " | ".join([*cells, child["x-source"]]) + " |"
    for key, child in keys.items():
        inner, name = child, f"{path}{key}"
        if "x-room" in child and child["type"] == "object":
            inner, name = resolved(child["additionalProperties"]), f"{name}.<name>"
        if "properties" in inner:
            default = "; the default is null" if values.get(key, 0) is None else ""
            off = f" It may be null{default}." if inner.get("nullable") else ""
            yield from ["", f"## `{name}`", "", inner["description"] + off, ""]
            yield from _section(f"{name}.", inner, values.get(key) or {})
    if not path:
        yield ""


def _yaml(value: Any) -> str:
    """Write a default as in YAML."""
    if isinstance(value, list):
        return "`[" + ", ".join(map(show, value)) + "]`"
    plain = json.dumps(value).strip('"')
    return f"`{number(value) if isinstance(value, float) else plain}`"


if __name__ == "__main__":
    SCHEMA_PATH.write_text(schema_text(), encoding="utf-8")
    REFERENCE_PATH.write_text(reference_text(), encoding="utf-8")
