"""What may be wrong with a configuration, and how to say it.

The shape, the types and the ranges are in ``config.schema.json``; what a schema cannot say is in
`_meaning_problems`. `find_problems` gathers everything, so that a person mends it in one go.
"""

import difflib
import functools
import itertools
import json
import math
import re
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from smoothcore.datasets import all_datasets
from smoothcore.errors import ConfigError
from smoothcore.regularizers import all_regularizers

SCHEMA_PATH = Path(__file__).with_name("config.schema.json")
ALL_PAIRS = tuple(f"{a}-{b}" for a, b in itertools.combinations(range(10), 2))

_MAX_VALUES = 100_000
_MAX_DEPTH = 10
_MAX_INTEGER_BITS = 1000
#: names that Windows reserves, and what already has a place in results/
_RESERVED_NAMES = {
    "data", "readme.md", "con", "prn", "aux", "nul",
    *(f"{port}{i}" for port in ("com", "lpt") for i in range(1, 10)),
}  # fmt: skip

KeyPath = tuple[str | int, ...]


def find_problems(config: Mapping) -> tuple[dict, list[str]]:
    """Check a configuration.

    Returns:
        A copy of it in plain dict, list, str, bool, int, float and None, and its problems in
        words, one a key, each beginning with the path of the key. The copy can be relied on only
        if there are none.

    Raises:
        ConfigError: it nests so deeply, or holds so much, that the check gave up.
    """
    reader = _PlainReader()
    plain = reader.plain(config, ())
    found = reader.problems
    for path, text in itertools.chain(_schema_problems(plain).items(), _meaning_problems(plain)):
        found.setdefault(path, text)
    order = list(schema()["properties"])

    def position(path: KeyPath) -> tuple:
        first = order.index(path[0]) if path[0] in order else -1
        return first, [f"{part:09}" if isinstance(part, int) else part for part in path]

    return plain, [f"{_join(path)}: {found[path]}" for path in sorted(found, key=position)]


# -- what YAML can hold and a configuration cannot ------------------------------------------------


class _PlainReader:
    """Copies a value into dict, list, str, bool, int, float and None; notes what is none of them.

    A value that cannot stay is replaced by None and its path is a key of ``problems``.
    """

    def __init__(self) -> None:
        self.problems: dict[KeyPath, str] = {}
        self._count = 0

    def plain(self, value: Any, path: KeyPath) -> Any:
        self._count += 1
        if len(path) > _MAX_DEPTH or self._count > _MAX_VALUES:
            # also where a YAML alias contains itself, or aliases multiply
            raise ConfigError(
                f"the configuration holds too many values, or too deeply nested ones, "
                f"at {_join(path[:3])}: a study needs a few dozen, four levels deep"
            )
        if isinstance(value, Mapping):
            return self._plain_mapping(value, path)
        if isinstance(value, list | tuple):
            return [self.plain(item, (*path, i)) for i, item in enumerate(value)]
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return str(value)
        if isinstance(value, int):
            if value.bit_length() <= _MAX_INTEGER_BITS:
                return int(value)
            self.problems[path] = "the number is too large"
        elif isinstance(value, float):
            if math.isfinite(value):
                return float(value)
            self.problems[path] = f"got {value}; must be a finite number"
        elif isinstance(value, date):
            self.problems[path] = (
                f'YAML reads {value} as a date; put text in quotes, a pair is two digits: "3-5"'
            )
        else:
            self.problems[path] = f"a value of type {type(value).__name__} has no meaning here"
        return None

    def _plain_mapping(self, value: Mapping, path: KeyPath) -> dict:
        plain = {}
        for key, item in value.items():
            if isinstance(key, str):
                plain[key] = self.plain(item, (*path, key))
            else:
                self.problems[(*path, show(key))] = (
                    f"the key is not text{_boolean_note(key)}; remove it or put it in quotes"
                )
        return plain


# -- what the schema says -------------------------------------------------------------------------


@functools.cache
def schema() -> dict:
    """Return the JSON schema (draft 2020-12) of the configuration."""
    return json.loads(SCHEMA_PATH.read_text(encoding="utf-8"))


@functools.cache
def _validator():
    """Return the validator: 64.0 and true are not integers, patterns match the whole text."""
    import jsonschema
    from jsonschema import validators

    def pattern(_validator, pattern, instance, _schema):
        if isinstance(instance, str) and not re.fullmatch(pattern.strip("^$"), instance):
            yield jsonschema.ValidationError("pattern")

    base = jsonschema.Draft202012Validator
    strict = validators.extend(
        base,
        {"pattern": pattern},
        type_checker=base.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int),
    )
    return strict(schema())


def _schema_problems(config: dict) -> dict[KeyPath, str]:
    """Return what the schema refuses, one problem a path: a wrong type before a wrong range."""
    problems: dict[KeyPath, str] = {}
    errors = list(_validator().iter_errors(config))
    for error in sorted(errors, key=lambda error: error.validator != "type"):
        path = tuple(error.absolute_path)
        if error.validator == "additionalProperties":
            for key in error.instance:
                if key not in error.schema["properties"]:
                    problem = "unknown key" + _suggestion(key, error.schema)
                    problems.setdefault((*path, key), problem)
        elif error.validator == "required":
            for key in error.validator_value:
                if key not in error.instance:
                    node = _resolve(error.schema["properties"][key])
                    problems.setdefault((*path, key), f"missing; must be {_allowed(node)}")
        elif error.validator == "uniqueItems":
            for i, item in enumerate(error.instance):
                if item in error.instance[:i]:
                    problems.setdefault((*path, i), f"{show(item)} is listed twice")
        else:
            problems.setdefault(path, _refusal(error))
    return problems


def _resolve(node: Mapping) -> Mapping:
    """Follow ``$ref``: the definition, with the keywords beside the reference."""
    if "$ref" not in node:
        return node
    return schema()["$defs"][node["$ref"].rpartition("/")[2]] | node


def _refusal(error) -> str:
    """Say why a value is not what the schema allows there, and how to write what was meant."""
    value, node = error.instance, error.schema
    text = f"got {show(value)}; must be {_allowed(node)}"
    if error.validator == "type":
        return text + _type_note(value, node)
    return text + (f" ({node['x-hint']})" if "x-hint" in node else "")


def _type_note(value: Any, node: Mapping) -> str:
    """Return how to write a value that has the wrong type, as far as that can be guessed."""
    kinds = _kinds(node)
    if isinstance(value, bool):
        note = _boolean_note(value)
        return note + ("; to switch it off write null" if "null" in kinds and not value else "")
    if isinstance(value, str) and kinds & {"integer", "number"}:
        return _text_for_number_note(value, whole="integer" in kinds)
    if isinstance(value, float) and "integer" in kinds and value.is_integer() and value < 1e15:
        return f"; write {value:.0f}"
    if isinstance(value, int | float) and kinds == {"array"}:
        return f"; write a list: [{value}]"
    if isinstance(value, int | float) and "string" in kinds:
        return f'; put text in quotes: "{value}"'
    return ""


def _kinds(node: Mapping) -> set[str]:
    kinds = node.get("type", [])
    return {kinds} if isinstance(kinds, str) else set(kinds)


def _allowed(node: Mapping) -> str:
    """Describe in words what a schema node allows."""
    kinds = _kinds(node)
    if "enum" in node:
        text = "one of " + ", ".join(node["enum"])
    elif "x-allowed" in node:
        text = node["x-allowed"]
    elif "object" in kinds:
        text = "a mapping with the keys " + ", ".join(node["properties"])
    elif "array" in kinds:
        text = f"a list of at least {node['minItems']}: " + _allowed(_resolve(node["items"]))
    else:
        text = "a whole number" if "integer" in kinds else "a number"
        text = f"an even {text[2:]}" if node.get("multipleOf") == 2 else text
        low, high = node["minimum"], node.get("maximum")
        text += f" from {_number(low)}"
        text += f" to {_number(high)}" if high is not None else " up"
    return text + (", or null" if "null" in kinds else "")


def _suggestion(key: str, node: Mapping) -> str:
    """Return ``; did you mean 'sizes'?``, or where the key belongs, or the keys there are."""
    known = {name.lower(): name for name in node["properties"]}
    close = difflib.get_close_matches(key.lower(), known, n=1)
    if close:
        return f"; did you mean '{known[close[0]]}'?"
    elsewhere = [_join(path) for path in key_paths() if path[-1] == key]
    if elsewhere:
        return f"; did you mean '{elsewhere[0]}'?"
    return "; the keys here are " + ", ".join(node["properties"])


def key_paths(node: Mapping | None = None, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Yield the path of every key of the schema, mappings before what they hold."""
    for key, child in (schema() if node is None else node).get("properties", {}).items():
        yield (*path, key)
        yield from key_paths(_resolve(child), (*path, key))


# -- what a schema cannot say ---------------------------------------------------------------------


def _meaning_problems(config: dict) -> Iterator[tuple[KeyPath, str]]:
    """Yield the problems between values; skips values whose type the schema has refused."""
    yield from _name_problems(config.get("name"))
    dataset = config.get("dataset")
    if isinstance(dataset, str) and dataset not in all_datasets():
        close = difflib.get_close_matches(dataset.lower(), all_datasets(), n=1, cutoff=0.5)
        note = f"; did you mean '{close[0]}'?" if close else ""
        yield (
            ("dataset",),
            f"got {show(dataset)}; must be one of {', '.join(all_datasets())}{note}",
        )
    yield from _pair_problems(config.get("pairs"))
    experiments = [config.get(key, "missing") for key in ("monotonicity", "optimality")]
    if experiments == [None, None]:
        yield (
            ("optimality",),
            "both experiments, monotonicity and optimality, are null: nothing is left to do",
        )
    yield from _size_problems(config)
    yield from _regularizer_problems(config)


def _name_problems(name: Any) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(name, str) and (
        name.split(".")[0].lower() in _RESERVED_NAMES
        or name.lower() in _RESERVED_NAMES
        or ".." in name
        or name.endswith(".")
    ):
        yield ("name",), f"{show(name)} cannot be the name of a folder of results; choose another"


def _pair_problems(pairs: Any) -> Iterator[tuple[KeyPath, str]]:
    for i, pair in enumerate(pairs if isinstance(pairs, list) else []):
        if isinstance(pair, str) and re.fullmatch("[0-9]-[0-9]", pair) and pair not in ALL_PAIRS:
            a, b = pair.split("-")
            note = "the two digits must differ" if a == b else f'write "{b}-{a}"'
            yield ("pairs", i), f"got {show(pair)}; the smaller digit comes first: {note}"


def _size_problems(config: dict) -> Iterator[tuple[KeyPath, str]]:
    """Sizes beyond what the dataset has."""
    dataset = config.get("dataset")
    if not isinstance(dataset, str) or dataset not in all_datasets():
        return
    limit = all_datasets()[dataset].max_size
    sizes = _get(config, "monotonicity", "sizes")
    candidates = {
        ("monotonicity", "sizes", i): size
        for i, size in enumerate(sizes if isinstance(sizes, list) else [])
    }
    candidates["optimality", "size"] = _get(config, "optimality", "size")
    for path, size in candidates.items():
        if type(size) is int and size > limit:
            yield path, f"got {size}; must be at most {limit:,}: {dataset} has no more for a pair"


def _regularizer_problems(config: dict) -> Iterator[tuple[KeyPath, str]]:
    path = ("optimality", "regularizers")
    regularizers = _get(config, *path)
    if not isinstance(regularizers, dict):
        return
    on = [name for name, grid in regularizers.items() if grid is not None]
    if not on:
        yield path, "no regularizer is on: give one its λ, or set optimality to null"
    if _get(config, "training", "batch_size") == 1:
        for name in on:
            if name in all_regularizers() and all_regularizers()[name].on_segments:
                yield (
                    (*path, name),
                    "its penalty needs segments between the samples of a batch, and "
                    "training.batch_size is 1: raise that, or set this to null",
                )


def _get(config: Any, *path: str) -> Any:
    """Return the value at ``path``, None where there is none."""
    for key in path:
        config = config.get(key) if isinstance(config, dict) else None
    return config


# -- wording --------------------------------------------------------------------------------------


def _join(path: KeyPath) -> str:
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
    if isinstance(value, int) and value.bit_length() <= _MAX_INTEGER_BITS:
        return str(value)
    return str(value)[:60] if isinstance(value, float | date) else type(value).__name__


def _number(value: float) -> str:
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
    if not re.fullmatch(r"[-+]?[0-9]*\.?[0-9]*([eE][-+]?[0-9]+)?", text):
        return ""
    try:
        value = float(text)
    except ValueError:
        return ""
    if not math.isfinite(value):
        return ""
    if "e" in text.lower() and not re.fullmatch(r"[-+]?[0-9]+\.[0-9]*[eE][-+][0-9]+", text):
        number = f"{value:.0f}" if whole and value.is_integer() else _number(value)
        return f"; YAML reads {text} as text: write {number}"
    return "; write it without quotes (nested values of --config arrive as text: use --configfile)"
