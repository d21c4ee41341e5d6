"""What is wrong with a configuration, in words: the errors of pydantic as a person needs them."""

import difflib
import functools
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from smoothcore.study.models import ROOMS, Study

KeyPath = tuple[str | int, ...]


@functools.cache
def schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of the models."""
    return Study.model_json_schema()


def resolved(node: Mapping) -> dict[str, Any]:
    """Return a node with what it refers to, and whether it may be null (``nullable``)."""
    if "anyOf" in node:
        return {**resolved(node["anyOf"][0]), **node, "nullable": True}
    name = node.get("$ref", "").rpartition("/")[2]
    return {**schema()["$defs"][name], **node} if name else dict(node)


def keys_of(node: Mapping) -> Mapping[str, Any]:
    """Return the nodes of the keys that a mapping may have; of the names in a room, too."""
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
    if kind == "invalid_key" or path != error["loc"]:
        if not isinstance(value, str):
            note = _boolean_note(value)
            return (*path[:-1], show(value)), f"the key is not text{note}; remove it or quote it"
        kind = "extra_forbidden"
    if kind == "extra_forbidden":
        return path, "unknown key" + _suggestion(str(path[-1]), _node_at(path[:-1]) or {})
    node = _node_at(path)
    if node is None or (kind == "too_short" and len(value) >= about["min_length"]):
        return None  # the key is an error itself, or the items are: pydantic counts the valid ones
    if kind == "missing":
        return path, f"missing; must be {allowed(node)}"
    if kind == "custom":
        return path, f"got {show(value)}; {error['msg']}"
    text = f"got {show(value)}; must be {allowed(node)}"
    if kind == "unknown_name":
        return path, text + _close(value, about["names"], cutoff=0.5)
    if kind.endswith("_type"):
        return path, text + _type_note(value, node)
    return path, text + (f" ({node['x-hint']})" if "x-hint" in node else "")


def allowed(node: Mapping, names: bool = True) -> str:
    """Describe in words what a node of the schema allows.

    Args:
        node: a resolved node.
        names: list the names that a room has now, instead of the room.
    """
    kind, room = node.get("type"), node.get("x-room")
    if "x-allowed" in node:
        text = node["x-allowed"]
    elif room and kind == "string":
        text = "one of " + ", ".join(ROOMS[room]()) if names else f"a name of `{room}/`"
    elif room and not names:
        text = f"a mapping; its keys are names of `{room}/`"
    elif kind == "object":
        text = "a mapping with the keys " + ", ".join(keys_of(node))
    elif kind == "array":
        text = f"a list of {number(node['minItems'])} to {number(node['maxItems'])}: "
        text += allowed(resolved(node["items"]), names)
    else:
        text = "a whole number" if kind == "integer" else "a number"
        text = f"an even {text[2:]}" if "multipleOf" in node else text
        text += f" from {number(node['minimum'])}"
        text += f" to {number(node['maximum'])}" if "maximum" in node else " up"
    return text + (", or null" if "nullable" in node else "")


def _type_note(value: Any, node: Mapping) -> str:
    """Return how to write a value that has the wrong type, as far as that can be guessed."""
    kind = node["type"]
    if isinstance(value, date):
        return f'; YAML reads {value} as a date: put text in quotes, such as "3-5"'
    if isinstance(value, bool):
        off = "; to switch it off write null" if "nullable" in node and not value else ""
        return _boolean_note(value) + off
    if isinstance(value, str) and kind in ("integer", "number"):
        return _number_note(value.strip(), whole=kind == "integer")
    if isinstance(value, float) and kind == "integer" and value.is_integer() and value < 1e15:
        return f"; write {value:.0f}"
    if isinstance(value, int | float) and "array" in kind:
        return f"; write a list: [{show(value)}]"
    if isinstance(value, int | float) and "pattern" in node:
        return f'; put text in quotes: "{show(value)}"'
    return _AS_TEXT if value == "null" and "nullable" in node else ""


_AS_TEXT = "; write it without quotes (values of --config arrive as text: use --configfile)"


def _number_note(text: str, whole: bool) -> str:
    """Say how to write a number that is text, because of YAML's rules or of quotes."""
    if not re.fullmatch(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?", text):
        return ""
    value = float(text)
    if re.fullmatch(r"[-+]?0[0-9]+", text):
        return "; write it without the leading zero"
    if "e" in text.lower() and not re.fullmatch(r".*\..*[eE][-+].*", text) and value < math.inf:
        written = f"{value:.0f}" if whole and value.is_integer() else number(value)
        return f"; YAML reads {text} as text: write {written}"
    return _AS_TEXT


def _boolean_note(value: Any) -> str:
    return " (YAML reads yes, on, no, off as true, false)" if isinstance(value, bool) else ""


def _close(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Return ``; did you mean 'mnist'?`` if a known name is close, else nothing."""
    lower = {known_name.lower(): known_name for known_name in known}
    close = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=cutoff)
    return f"; did you mean '{lower[close[0]]}'?" if close else ""


def _suggestion(key: str, node: Mapping) -> str:
    """Return the key that was meant, or where this one belongs, or the keys that are known here."""
    elsewhere = (f"; did you mean '{join(path)}'?" for path in key_paths() if path[-1] == key)
    here = "; the keys here are " + ", ".join(keys_of(node))
    return _close(key, keys_of(node)) or next(elsewhere, here)


def join(path: KeyPath) -> str:
    """Write a path as ``optimality.regularizers.GN.lambda[1]``."""

    def key(part: str) -> str:
        return part if re.fullmatch(r"[\w-]{1,40}", part) else show(part)

    parts = (f"[{part}]" if isinstance(part, int) else f".{key(part)}" for part in path)
    return "".join(parts).removeprefix(".")


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
    if isinstance(value, int) and value.bit_length() > 1000:
        return "a number too large to be written"
    if isinstance(value, int | float | date):
        return str(value)[:60]
    return f"a value of type {type(value).__name__}"


def number(value: float) -> str:
    """Write a number so that YAML reads a number: 1.0e-5 is one, 1e-05 is text."""
    if isinstance(value, int):
        return f"{value:,}"
    return re.sub(r"^(-?[0-9]+)e", r"\1.0e", repr(value)).replace("e-0", "e-")
