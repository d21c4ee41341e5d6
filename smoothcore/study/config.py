"""Reads the configuration of a study: the files as text, their layers, and the whole as a `Study`.

Snakemake imports this module whenever it starts.
"""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from smoothcore.datasets import all_datasets
from smoothcore.errors import ConfigError
from smoothcore.regularizers import all_regularizers
from smoothcore.study.messages import KeyPath, in_words, join, show
from smoothcore.study.models import Study

_MAX_PROBLEMS = 40

#: every key that determines results
_DETERMINING = [key for key in Study.model_fields if key not in ("name", "mnist_dir", "published")]


def study_to_json(study: Study) -> str:
    """Return the study as one line of ASCII JSON, for a command line or a file."""
    return json.dumps(study.to_dict())


def study_from_json(text: str, source: str = "study") -> Study:
    """Return the study that `study_to_json` wrote.

    Raises:
        ConfigError: the text is not JSON, or not a valid study.
    """
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{source} is not valid JSON: {error}") from None
    return load_study(config, source)


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
    config = dict(config)
    study, found = None, []
    try:
        study = Study.model_validate(config)
    except ValidationError as error:
        # a wrong key or type before a wrong range
        errors = sorted(error.errors(include_url=False), key=lambda e: e["type"] == "too_short")
        found = [problem for problem in map(in_words, errors) if problem]
    problems: dict[KeyPath, str] = {}
    for path, text in itertools.chain(found, _problems_between_keys(config)):
        problems.setdefault(path, text)
    if problems:
        order = list(Study.model_fields)

        def position(path: KeyPath) -> tuple:
            first = order.index(path[0]) if path[0] in order else -1
            return first, [f"{part:09}" if isinstance(part, int) else part for part in path]

        lines = [f"{join(path)}: {problems[path]}" for path in sorted(problems, key=position)]
        _refuse(source, lines)
    assert study is not None
    return study


def _refuse(source: str, problems: Sequence[str]) -> None:
    """Raise the ConfigError of a list of problems."""
    lines = [f"  - {problem}" for problem in problems]
    if len(lines) > _MAX_PROBLEMS:
        lines[_MAX_PROBLEMS:] = [f"  … and {len(lines) - _MAX_PROBLEMS} more"]
    raise ConfigError("\n".join([f"{source} is not valid:", *lines]))


# -- what joins several keys ----------------------------------------------------------------------


def _problems_between_keys(config: dict) -> Iterator[tuple[KeyPath, str]]:
    """Yield what is wrong between values, whatever else is; a value of a wrong type is passed by.

    So one message lists everything.
    """
    if [config.get(key, 0) for key in ("monotonicity", "optimality")] == [None, None]:
        yield (
            ("optimality",),
            "both experiments, monotonicity and optimality, are null: nothing is left to do",
        )
    grids = _get(config, "optimality", "regularizers")
    grids = {k: v for k, v in grids.items() if v is not None} if isinstance(grids, dict) else {}
    lists: dict[KeyPath, Sequence] = {
        path: value
        for path in [
            ("pairs",),
            ("monotonicity", "sizes"),
            ("monotonicity", "seeds"),
            ("optimality", "seeds"),
            *(("optimality", "regularizers", name, "lambda") for name in grids),
            ("measures", "names"),
        ]
        if isinstance(value := _get(config, *path), list | tuple)
    }
    for path, values in lists.items():
        for i, value in enumerate(values[:1000]):
            if value in values[:i]:
                yield (*path, i), f"{show(value)} is listed twice"
    sizes = {("optimality", "size"): _get(config, "optimality", "size")} | {
        ("monotonicity", "sizes", i): size
        for i, size in enumerate(lists.get(("monotonicity", "sizes"), []))
    }
    dataset = config.get("dataset")
    if isinstance(dataset, str) and dataset in all_datasets():
        limit = all_datasets()[dataset].max_size
        for path, size in sizes.items():
            if type(size) is int and size > limit:
                text = f"must be at most {limit:,}: {dataset} has no more for a pair"
                yield path, f"got {show(size)}; {text}"
    measured = lists.get(("measures", "names"))
    for name in grids.keys() & all_regularizers().keys():
        about, path = all_regularizers()[name], ("optimality", "regularizers", name)
        if about.on_segments and _get(config, "training", "batch_size") == 1:
            yield (
                path,
                "its penalty needs segments between the samples of a batch, and "
                "training.batch_size is 1: raise that, or set this to null",
            )
        if measured and about.measure not in measured:
            yield (
                path,
                f"it lowers {about.measure}, which measures.names leaves out: add it there, or set "
                "this to null",
            )


def _get(config: Any, *path: str) -> Any:
    """Return the value at ``path``, None where there is none."""
    for key in path:
        config = config.get(key) if isinstance(config, dict) else None
    return config


# -- the files ------------------------------------------------------------------------------------


def check_files(
    paths: Iterable[str | Path], above: Mapping | None = None, source: str = "--config"
) -> None:
    """Read configuration files as text, and refuse what Snakemake hides when it merges them.

    Args:
        paths: the files in the order in which they are merged; a later one overrules.
        above: what is laid over all of them.
        source: what a message calls that.

    Raises:
        ConfigError: a file is missing, not UTF-8, not YAML, not a mapping, or has duplicate keys;
            or a layer changes the study below it and would write into its results. The message
            lists every problem with its file and line.
    """
    problems, layers = [], []
    for path in paths:
        content, found = read_layer(path)
        problems += [f"{path}: {problem}" for problem in found]
        layers.append((str(path), content))
    try:
        problems = problems or _without_name([*layers, (source, above or {})])
    except RecursionError:
        problems = ["a file is nested too deeply"]
    if problems:
        _refuse("the configuration", problems)


def _without_name(layers: Sequence[tuple[str, Mapping]]) -> list[str]:
    """Return which layers change a study whose name a layer below has stated."""
    last = max((i for i, (_, content) in enumerate(layers) if "name" in content), default=0)
    below: Mapping = {}
    for _, content in layers[: last + 1]:
        below = merged(below, content)
    problems = []
    for source, content in layers[last + 1 :]:
        above = merged(below, content)
        changes = [join(path) for key in _DETERMINING for path in _changes(below, above, (key,))]
        if changes:
            more = f" and {len(changes) - 1} more" if changes[1:] else ""
            way_out = "name=…" if source == "--config" else "name: …"
            problems.append(
                f"{source}: changes {changes[0]}{more}, but gives the study no name of its own: "
                f"its runs would be mixed into results/{below.get('name')}; add  {way_out}"
            )
        below = above
    return problems


def merged(below: Any, above: Any) -> Any:
    """Lay one mapping over another as Snakemake does: key by key, a list as a whole."""
    if not isinstance(above, Mapping):
        return above
    below = below if isinstance(below, Mapping) else {}
    return {**below, **{key: merged(below.get(key), value) for key, value in above.items()}}


def _changes(below: Any, above: Any, path: KeyPath) -> Iterator[KeyPath]:
    """Yield the paths of the keys at ``path`` whose values differ."""
    below, above = (layer.get(path[-1]) for layer in (below, above))
    if isinstance(below, Mapping) and isinstance(above, Mapping):
        for key in above:
            yield from _changes(below, above, (*path, str(key)))
    elif below != above:
        yield path


def read_layer(path: str | Path) -> tuple[dict, list[str]]:
    """Return what a YAML or JSON file holds, and what is wrong with its text.

    Each problem is one line of text: a duplicate key, of which YAML silently keeps the last, or
    the one reason why the file cannot be read.
    """
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
        loader = yaml.SafeLoader(_tabs_of_json_as_spaces(text))
        root = loader.get_single_node()
        if root is None:
            return {}, []  # an empty overlay changes nothing
        if not isinstance(root, yaml.MappingNode):
            expected = "must be a mapping of keys to values, such as `name: paper`"
            return {}, [f"line {root.start_mark.line + 1}: {expected}"]
        problems = [
            f"line {lines[1]}: the key {key} is given {len(lines)} times, on the lines "
            f"{', '.join(map(str, lines))}; keep one"
            for lines, key in sorted(_duplicates(root, "", set()), key=lambda found: found[0][1])
        ]
        return {} if problems else loader.construct_document(root), problems
    except FileNotFoundError:
        return {}, ["there is no such file"]
    except OSError as error:
        return {}, [f"cannot be read: {error.strerror}"]
    except UnicodeDecodeError as error:
        return {}, [f"is not UTF-8 text (byte {error.start + 1}): save it with the encoding UTF-8"]
    except RecursionError:
        return {}, ["is nested too deeply"]
    except ValueError as error:
        return {}, [f"holds a value that cannot be read: {error}"]
    except yaml.reader.ReaderError as error:
        return {}, [f"holds the character U+{error.character:04X}, which YAML does not allow"]
    except yaml.MarkedYAMLError as error:
        return {}, [_syntax_problem(error, text)]


def _tabs_of_json_as_spaces(text: str) -> str:
    """Return JSON with its tabs as spaces: YAML, otherwise its superset, refuses them."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    return text.replace("\t", " ")


def _syntax_problem(error: yaml.MarkedYAMLError, text: str) -> str:
    """Return one line for a YAML error: where, what, and the way out if it is a common one."""
    mark = error.problem_mark or error.context_mark
    lines = text.splitlines()
    line = lines[mark.line] if mark and mark.line < len(lines) else ""
    problem = error.problem or error.context or "cannot be read as YAML"
    if "\t" in line[: len(line) - len(line.lstrip())] or "'\\t'" in problem:
        problem = "a tab; indent with spaces"
    elif "expected a single document" in (error.context or ""):
        problem = "a second document starts here; a configuration is one"
    return f"line {mark.line + 1}: {problem}" if mark else problem


def _duplicates(node: yaml.Node, path: str, seen: set[int]) -> Iterator[tuple[list[int], str]]:
    """Yield the lines and the path of each duplicate key; ``seen``: nodes looked at, by id."""
    if id(node) in seen:
        return  # an alias
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for i, item in enumerate(node.value):
            yield from _duplicates(item, f"{path}[{i}]", seen)
    elif isinstance(node, yaml.MappingNode):
        lines: dict[tuple[str, str], list[int]] = {}
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                lines.setdefault((key.tag, key.value), []).append(key.start_mark.line + 1)
                yield from _duplicates(value, f"{path}.{key.value}".removeprefix("."), seen)
        for (_, name), numbers in lines.items():
            if len(numbers) > 1:
                yield numbers, f"{path}.{name}".removeprefix(".")
