"""Reads the configuration of a study: its layers as files, and the whole as a `Study`."""

import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import yaml
from pydantic import ValidationError

from smoothcore.datasets import all_datasets
from smoothcore.errors import ConfigError
from smoothcore.regularizers import all_regularizers
from smoothcore.study.messages import KeyPath, in_words, join, show
from smoothcore.study.models import Study

_MAX_PROBLEMS = 40

_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")

#: every key that determines results
_DETERMINING = Study.model_fields.keys() - {"name", "mnist_dir", "published"}


def load_study(config: Mapping, source: str = "config") -> Study:
    """Check a configuration and return it as a `Study`.

    Args:
        config: the mapping read from YAML, overlays already merged. It is not modified.
        source: what the message calls the configuration.

    Raises:
        ConfigError: anything is wrong with it; the message lists every problem, one a line, each
            with the path of the key, the value, and what is allowed.
    """
    if not isinstance(config, Mapping):
        raise ConfigError(f"{source} must be a mapping of keys to values; got {show(config)}")
    study, problems = None, dict[KeyPath, str]()
    try:
        study = Study.model_validate(dict(config))
    except ValidationError as error:
        problems = dict(filter(None, map(in_words, error.errors(include_url=False))))
    problems = {**dict(_repeated(config)), **dict(_at_odds(config)), **problems}
    if study is None or problems:
        order = list(Study.model_fields)

        def place(path: KeyPath) -> tuple:
            first = order.index(str(path[0])) if path[0] in order else -1
            return first, *(f"{part:09}" if isinstance(part, int) else part for part in path)

        paths = sorted(problems, key=place)
        _refuse(source, [f"{join(path)}: {problems[path]}" for path in paths])
    return study


def _refuse(source: str, problems: Sequence[str]) -> NoReturn:
    """Raise the ConfigError of a list of problems."""
    lines = [f"  - {problem}" for problem in problems]
    if len(lines) > _MAX_PROBLEMS:
        lines[_MAX_PROBLEMS:] = [f"  … and {len(lines) - _MAX_PROBLEMS} more"]
    raise ConfigError("\n".join([f"{source} is not valid:", *lines]))


def _nodes(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Yield the path and the value of each key, a mapping before what it holds."""
    mapping = isinstance(value, Mapping) and len(path) < 4  # YAML may hold itself
    for key, inner in value.items() if mapping else ():
        yield (*path, str(key)), inner
        yield from _nodes(inner, (*path, str(key)))


def _repeated(config: Mapping) -> Iterator[tuple[KeyPath, str]]:
    """Yield the values that a list holds for a second time."""
    for path, value in _nodes(config):
        for i, item in enumerate(value[:1000] if isinstance(value, list | tuple) else ()):
            if isinstance(item, str | int | float) and item in value[:i]:
                yield (*path, i), f"{show(item)} is listed twice"


def _at_odds(config: Mapping) -> Iterator[tuple[KeyPath, str]]:
    """Yield the values that do not fit each other; a value of a wrong type is passed by."""
    values = dict(_nodes(config))
    if [config.get(key, 0) for key in ("monotonicity", "optimality")] == [None, None]:
        text = "both experiments, monotonicity and optimality, are null: nothing is left to do"
        yield ("optimality",), text
    sizes: dict[KeyPath, Any] = {("optimality", "size"): values.get(("optimality", "size"))}
    if isinstance(several := values.get(("monotonicity", "sizes")), list):
        sizes |= {("monotonicity", "sizes", i): size for i, size in enumerate(several)}
    dataset = config.get("dataset")
    if isinstance(dataset, str) and dataset in all_datasets():
        limit = all_datasets()[dataset].max_size
        for place, size in sizes.items():
            if type(size) is int and size > limit:
                text = f"must be at most {limit:,}: {dataset} has no more for a pair"
                yield place, f"got {show(size)}; {text}"
    measured = values.get(("measures", "names"))
    for name, about in all_regularizers().items():
        path: KeyPath = ("optimality", "regularizers", name)
        if values.get(path) is None:
            continue
        text = f"it lowers {about.measure}, which measures.names leaves out: add it there"
        if isinstance(measured, list) and about.measure not in measured:
            yield path, f"{text}, or set this to null"
        text = "its penalty needs segments between the samples of a batch, and training.batch_size"
        if about.on_segments and values.get(("training", "batch_size")) == 1:
            yield path, f"{text} is 1: raise that, or set this to null"


def check_files(
    paths: Iterable[str | Path], above: Mapping | None = None, source: str = "--config"
) -> None:
    """Refuse what Snakemake hides when it merges the layers of a configuration.

    Args:
        paths: the files in the order in which they are merged; a later one overrules.
        above: what is laid over all of them.
        source: what a message calls that.

    Raises:
        ConfigError: a file cannot be read, is not a mapping, has an empty mapping below a key, or
            duplicate keys, of which YAML silently keeps the last; or a layer changes a study and
            gives it no name of its own.
            The message lists every problem with its file and line.
    """
    problems, layers = [], []
    for path in paths:
        content, found = read_layer(path)
        problems += [f"{path}: {problem}" for problem in found]
        layers.append((str(path), content))
    text = "is an empty mapping, which Snakemake passes over: give it a key, or write null"
    for name, layer in [*layers, (source, above or {})]:
        problems += [f"{name}: {join(path)} {text}" for path, value in _nodes(layer) if value == {}]
    problems = problems or _without_name([*layers, (source, above or {})])
    if problems:
        _refuse("the configuration", problems)


def _without_name(layers: Sequence[tuple[str, Mapping]]) -> list[str]:
    """Return what is wrong if layers change a study whose name a layer below has stated.

    A name that is stated once more, as in a copy of ``config.yaml``, is not one of its own.
    """
    contents = [content for _, content in layers]
    names = [content.get("name") for content in contents]
    named = names.index(next(filter(None, reversed(names)), names[0])) + 1
    below: Any = functools.reduce(merged, contents[:named], {})
    above = functools.reduce(merged, contents[named:], below)
    changes = [join(path) for path in _changes(below, above) if path[0] in _DETERMINING]
    if not changes:
        return []
    source = ", ".join(source for source, content in layers[named:] if content)
    more = f" and {len(changes) - 1} more" if changes[1:] else ""
    way_out = "name=…" if source == "--config" else "name: …"
    return [
        f"{source}: changes {changes[0]}{more}, but gives the study no name of its own: its runs "
        f"would be mixed into results/{below.get('name')}; add  {way_out}"
    ]


def merged(below: Any, above: Any) -> Any:
    """Lay one mapping over another as Snakemake does: key by key, a list as a whole."""
    if not isinstance(above, Mapping):
        return above
    below = below if isinstance(below, Mapping) else {}
    return {**below, **{key: merged(below.get(key), value) for key, value in above.items()}}


def _changes(below: Any, above: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Yield the paths of the keys whose values differ."""
    if isinstance(below, Mapping) and isinstance(above, Mapping):
        for key, value in above.items():
            yield from _changes(below.get(key), value, (*path, str(key)))
    elif below != above:
        yield path


def read_layer(path: str | Path) -> tuple[dict, list[str]]:
    """Return what a YAML or JSON file holds, and what is wrong with its text, a line each."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        # Snakemake reads JSON as JSON, which tabs may indent
        loader = yaml.SafeLoader(text.replace("\t", " ") if text.lstrip()[:1] == "{" else text)
        root = loader.get_single_node()
        if root is None:
            return {}, []  # an empty layer changes nothing
        found = [text for _, text in sorted(_traps(root, "", set()))]
        content = loader.construct_document(root)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        return {}, [f"cannot be read: {' '.join(str(error).split())}"]
    if not isinstance(content, dict):
        return {}, ["must be a mapping of keys to values, such as  name: paper"]
    return content, found


def _traps(node: yaml.Node, path: str, seen: set[int]) -> Iterator[tuple[int, str]]:
    """Yield the line of each duplicate key and of each number that YAML 1.1 reads in its own way.

    ``seen``: nodes looked at, by id.
    """
    if id(node) in seen:
        return  # an alias
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode) and node.tag in _NUMBERS:
        if re.fullmatch(r"[-+]?0[0-9_]+|.*:.*", node.value):
            line = node.start_mark.line + 1
            why = "to base 60" if ":" in node.value else "with a leading zero as octal"
            text = f"YAML reads numbers {why}; write it in decimal"
            yield line, f"line {line}: {path}: got {node.value}; {text}"
    elif isinstance(node, yaml.SequenceNode):
        for i, item in enumerate(node.value):
            yield from _traps(item, f"{path}[{i}]", seen)
    elif isinstance(node, yaml.MappingNode):
        places: dict[tuple[str, str], list[int]] = {}
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                places.setdefault((key.tag, key.value), []).append(key.start_mark.line + 1)
                yield from _traps(value, f"{path}.{key.value}".lstrip("."), seen)
        for (_, name), lines in places.items():
            if len(lines) > 1:
                key, where = f"{path}.{name}".lstrip("."), ", ".join(map(str, lines))
                text = f"the key {key} is given {len(lines)} times, on the lines {where}; keep one"
                yield lines[1], f"line {lines[1]}: {text}"
