"""What is wrong with a configuration, in words: the errors of pydantic as a person needs them."""

import difflib
import functools
import json
import math
import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from smoothcore.study.models import ROOMS, Study

KeyPath = tuple[str | int, ...]

#: Python refuses to write an integer that is much longer
_MAX_BITS = 1000


@functools.cache
def schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of the models, without pydantic's titles."""

    def untitled(node: Any) -> Any:
        if isinstance(node, list):
            return [untitled(item) for item in node]
        if not isinstance(node, dict):
            return node
        kept = {key: untitled(value) for key, value in node.items() if key != "title"}
        if "description" in kept:
            kept["description"] = kept["description"].split("\n\n")[0].replace("\n", " ")
        return kept

    return untitled(Study.model_json_schema())


def resolved(node: Mapping) -> dict[str, Any]:
    """Return a node with what it refers to, and whether it may be null (``nullable``)."""
    if "anyOf" in node:
        kinds = [kind for kind in node["anyOf"] if kind != {"type": "null"}]
        return {**resolved(kinds[0]), **node, "nullable": True}
    if "$ref" in node:
        return {**resolved(schema()["$defs"][node["$ref"].rpartition("/")[2]]), **node}
    return dict(node)


def keys_of(node: Mapping) -> dict[str, Any]:
    """Return the nodes of the keys that a mapping may have, those named in a room included."""
    if "additionalProperties" in node and "x-room" in node:
        return dict.fromkeys(ROOMS[node["x-room"]](), node["additionalProperties"])
    return node.get("properties", {})


def key_paths(node: Mapping | None = None, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Yield the path of every key, mappings before what they hold."""
    for key, child in keys_of(schema() if node is None else node).items():
        yield (*path, key)
        yield from key_paths(resolved(child), (*path, key))


def _node_at(path: KeyPath) -> dict[str, Any] | None:
    """Return the node of a path; None below an unknown key."""
    node: dict[str, Any] = schema()
    for part in path:
        child = node["items"] if "items" in node else keys_of(node).get(str(part))
        if child is None:
            return None
        node = resolved(child)
    return node


def in_words(error: Mapping) -> tuple[KeyPath, str] | None:
    """Return the path and the text for one of pydantic's errors; None where another says it.

    Args:
        error: an entry of ``ValidationError.errors()``.
    """
    kind, value, about = error["type"], error["input"], error.get("ctx", {})
    path: KeyPath = tuple(part for part in error["loc"] if part != "[key]")
    is_key = kind == "invalid_key" or path != error["loc"]
    if is_key and not isinstance(value, str):
        note = _boolean_note(value)
        return (*path[:-1], show(value)), f"the key is not text{note}; remove it or quote it"
    if is_key or kind == "extra_forbidden":
        return path, "unknown key" + _suggestion(str(path[-1]), _node_at(path[:-1]) or {})
    node = _node_at(path)
    if node is None:
        return None  # the key is an error itself
    if kind == "missing":
        return path, f"missing; must be {allowed(node)}"
    if kind == "too_short" and len(value) >= about["min_length"]:
        return None  # pydantic counts only the items that are valid; those that are not have errors
    if kind == "own":
        return path, f"got {show(value)}; {about['text']}"
    if isinstance(value, date):
        way_out = 'put text in quotes, a pair is two digits: "3-5"'
        return path, f"YAML reads {value} as a date; {way_out}"
    if isinstance(value, float) and not math.isfinite(value):
        return path, f"got {value}; must be a finite number"
    if isinstance(value, int) and value.bit_length() > _MAX_BITS:
        return path, "the number is too large"
    text = f"got {show(value)}; must be {allowed(node)}"
    if kind == "unknown_name":
        return path, text + _close(value, about["names"])
    if kind.endswith("_type"):
        return path, text + _type_note(value, node)
    return path, text + (f" ({node['x-hint']})" if "x-hint" in node else "")


def allowed(node: Mapping, names: bool = True) -> str:
    """Describe in words what a node of the schema allows.

    Args:
        node: a resolved node.
        names: list the names that a room has now, instead of the room.
    """
    kind, text = node.get("type"), ""
    if "x-allowed" in node:
        text = node["x-allowed"]
    elif kind == "string":
        room = node["x-room"]
        text = "one of " + ", ".join(ROOMS[room]()) if names else f"a name of `{room}/`"
    elif kind == "object":
        text = "a mapping with the keys " + ", ".join(keys_of(node))
        if not names and "x-room" in node:
            text = f"a mapping; its keys are names of `{node['x-room']}/`"
    elif kind == "array":
        limits = f"{number(node['minItems'])} to {number(node['maxItems'])}"
        text = f"a list of {limits}: {allowed(resolved(node['items']), names)}"
    else:
        text = "a whole number" if kind == "integer" else "a number"
        text = f"an even {text[2:]}" if node.get("multipleOf") == 2 else text
        text += f" from {number(node['minimum'])}"
        text += f" to {number(node['maximum'])}" if "maximum" in node else " up"
    return text + (", or null" if node.get("nullable") else "")


def _type_note(value: Any, node: Mapping) -> str:
    """Return how to write a value that has the wrong type, as far as that can be guessed."""
    kind = node["type"]
    if isinstance(value, bool):
        off = "; to switch it off write null" if node.get("nullable") and not value else ""
        return _boolean_note(value) + off
    if isinstance(value, str) and kind in ("integer", "number"):
        return _text_for_number_note(value, whole=kind == "integer")
    if isinstance(value, float) and kind == "integer" and value.is_integer() and value < 1e15:
        return f"; write {value:.0f}"
    if isinstance(value, int | float) and "array" in kind:
        return f"; write a list: [{value}]"
    if isinstance(value, int | float) and kind == "string" and "pattern" in node:
        return f'; put text in quotes: "{value}"'
    return ""


def _close(name: str, known: Any, cutoff: float = 0.5) -> str:
    """Return ``; did you mean 'mnist'?`` if a known name is close, else nothing."""
    lower = {known_name.lower(): known_name for known_name in known}
    close = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=cutoff)
    return f"; did you mean '{lower[close[0]]}'?" if close else ""


def _suggestion(key: str, node: Mapping) -> str:
    """Return the key that was meant, or where this one belongs, or the keys that are known here."""
    known = keys_of(node)
    elsewhere = [f"; did you mean '{join(path)}'?" for path in key_paths() if path[-1] == key]
    return (
        _close(key, known, 0.6)
        or next(iter(elsewhere), "")
        or "; the keys here are " + ", ".join(known)
    )


def join(path: KeyPath) -> str:
    """Write a path as ``optimality.regularizers.GN.lambda[1]``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            plain = re.fullmatch(r"[\w-]{1,40}", part)
            text += "." * bool(text) + (part if plain else show(part))
    return text


def show(value: Any) -> str:
    """Return a short, printable rendering of a value, as YAML would have it."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    if isinstance(value, str):
        shown = json.dumps(value[:60], ensure_ascii=not value.isprintable())
        return shown + "…" * (len(value) > 60)
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, float | date) or (type(value) is int and value.bit_length() <= _MAX_BITS):
        return str(value)[:60]
    return f"a value of type {type(value).__name__}"


def number(value: float) -> str:
    """Write a number so that YAML reads a number: 1.0e-05 is one, 1e-05 is text."""
    if isinstance(value, int):
        return f"{value:,}"
    mantissa, e, exponent = repr(value).partition("e")
    if not e:
        return mantissa
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}e{int(exponent):+d}"


def _boolean_note(value: Any) -> str:
    return " (YAML reads yes, on, no, off as true, false)" if isinstance(value, bool) else ""


def _text_for_number_note(text: str, whole: bool) -> str:
    """Say how to write a number that is text, because of YAML's rules or of quotes."""
    text = text.strip()
    if not re.fullmatch(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?", text):
        return ""
    value = float(text)
    if "e" in text.lower() and not re.fullmatch(r".*\..*[eE][-+].*", text) and value < math.inf:
        written = f"{value:.0f}" if whole and value.is_integer() else number(value)
        return f"; YAML reads {text} as text: write {written}"
    return "; write it without quotes (nested values of --config arrive as text: use --configfile)"
