"""The configuration of a study: checked as a whole, then frozen into a `Study`.

`load_study` takes the merged mapping that Snakemake (or anyone) has read from YAML. `check_files`
looks at the YAML text itself, for what is lost once it has been read: duplicate keys, and what
keeps a file from being read at all.

Snakemake imports this module whenever it starts, so it imports neither NumPy nor pandas.
"""

import json
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smoothcore.errors import ConfigError
from smoothcore.study.config_checks import ALL_PAIRS, find_problems, show

_MAX_PROBLEMS = 40


@dataclass(frozen=True)
class Network:
    """The model d–h–1 (§4.1).

    Attributes:
        hidden_units: h.
        alpha: α of the initial weights, uniform on ±sqrt(6 α / (n_in + n_out)).
    """

    hidden_units: int
    alpha: float


@dataclass(frozen=True)
class Training:
    """Mini-batch SGD and when it stops (§4.1).

    Attributes:
        engine: a key of `smoothcore.engines.ENGINES`.
        batch_size: samples per mini-batch.
        epsilon: ε, the unregularized training loss below which a run interpolates.
        max_epochs: epochs after which a run is given up.
    """

    engine: str
    batch_size: int
    epsilon: float
    max_epochs: int


@dataclass(frozen=True)
class Monotonicity:
    """Table 1: λ = 0, one run per pair, size and seed."""

    sizes: tuple[int, ...]
    seeds: tuple[int, ...]
    learning_rate: float


@dataclass(frozen=True)
class RegularizerGrid:
    """The λ > 0 of one regularizer, and the learning rate of its runs."""

    lambdas: tuple[float, ...]
    learning_rate: float


@dataclass(frozen=True)
class Optimality:
    """Figure 2 and Table 2: one run per pair, seed, regularizer and λ; λ = 0 is implied.

    Attributes:
        size: training images, half of each digit.
        seeds: one run per seed.
        grid_points: n of the sampled FPL and GPL penalties in training (§4.3).
        regularizers: the regularizers that are on, in the order of the configuration.
    """

    size: int
    seeds: tuple[int, ...]
    grid_points: int
    regularizers: dict[str, RegularizerGrid]


@dataclass(frozen=True)
class Measures:
    """How the measures are estimated (§3.2).

    Attributes:
        n_samples: N, points of GN and segments of FPL and GPL.
        grid_points: n, grid points on a segment.
    """

    n_samples: int
    grid_points: int


@dataclass(frozen=True)
class Study:
    """A valid configuration. The attributes are the keys of ``config.yaml``.

    ``pairs`` is written out (never ``all``); an experiment that is off is None; a regularizer
    that is off is absent.
    """

    name: str
    dataset: str
    mnist_dir: str | None
    pairs: tuple[str, ...]
    network: Network
    training: Training
    monotonicity: Monotonicity | None
    optimality: Optimality | None
    measures: Measures

    def to_dict(self) -> dict[str, Any]:
        """Return the study as plain values that `load_study` turns into an equal study."""
        monotonicity = self.monotonicity and {
            "sizes": list(self.monotonicity.sizes),
            "seeds": list(self.monotonicity.seeds),
            "learning_rate": self.monotonicity.learning_rate,
        }
        optimality = self.optimality and {
            "size": self.optimality.size,
            "seeds": list(self.optimality.seeds),
            "grid_points": self.optimality.grid_points,
            "regularizers": {
                name: {"lambda": list(grid.lambdas), "learning_rate": grid.learning_rate}
                for name, grid in self.optimality.regularizers.items()
            },
        }
        return {
            "name": self.name,
            "dataset": self.dataset,
            "mnist_dir": self.mnist_dir,
            "pairs": list(self.pairs),
            "network": vars(self.network).copy(),
            "training": vars(self.training).copy(),
            "monotonicity": monotonicity,
            "optimality": optimality,
            "measures": vars(self.measures).copy(),
        }


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
    plain, problems = find_problems(config)
    if problems:
        _refuse(source, problems)
    return _build(plain)


def _build(config: dict) -> Study:
    """Return the study of a mapping that passed every check."""
    monotonicity, optimality = config["monotonicity"], config["optimality"]
    network, training = config["network"], config["training"]
    if monotonicity is not None:
        monotonicity = Monotonicity(
            sizes=tuple(monotonicity["sizes"]),
            seeds=tuple(monotonicity["seeds"]),
            learning_rate=float(monotonicity["learning_rate"]),
        )
    if optimality is not None:
        optimality = Optimality(
            size=optimality["size"],
            seeds=tuple(optimality["seeds"]),
            grid_points=optimality["grid_points"],
            regularizers={
                name: RegularizerGrid(
                    lambdas=tuple(map(float, grid["lambda"])),
                    learning_rate=float(grid["learning_rate"]),
                )
                for name, grid in optimality["regularizers"].items()
                if grid is not None
            },
        )
    pairs = config["pairs"]
    return Study(
        name=config["name"],
        dataset=config["dataset"],
        mnist_dir=config.get("mnist_dir"),
        pairs=ALL_PAIRS if pairs == "all" else tuple(pairs),
        network=Network(network["hidden_units"], float(network["alpha"])),
        training=Training(
            engine=training["engine"],
            batch_size=training["batch_size"],
            epsilon=float(training["epsilon"]),
            max_epochs=training["max_epochs"],
        ),
        monotonicity=monotonicity,
        optimality=optimality,
        measures=Measures(**config["measures"]),
    )


def _refuse(source: str, problems: list[str]) -> None:
    """Raise the ConfigError of a list of problems."""
    lines = [f"  - {problem}" for problem in problems]
    if len(lines) > _MAX_PROBLEMS:
        lines[_MAX_PROBLEMS:] = [f"  … and {len(lines) - _MAX_PROBLEMS} more"]
    raise ConfigError("\n".join([f"{source} is not valid:", *lines]))


def check_files(paths: Iterable[str | Path]) -> None:
    """Read configuration files once more as text, and refuse what reading them would hide.

    Raises:
        ConfigError: a file is missing, not UTF-8, not YAML, not a mapping, or has duplicate keys;
            the message lists every problem with its file and line.
    """
    problems = [f"{path}: {problem}" for path in paths for problem in duplicate_keys(path)]
    if problems:
        _refuse("the configuration", problems)


def duplicate_keys(path: str | Path) -> list[str]:
    """Return the duplicate keys of a YAML or JSON file, or the one reason why it cannot be read.

    Of two equal keys YAML silently keeps the last. Each problem is one line of text that names the
    lines of the file.
    """
    import yaml

    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
        root = yaml.compose(_tabs_of_json_as_spaces(text), Loader=yaml.SafeLoader)
    except FileNotFoundError:
        return ["there is no such file"]
    except OSError as error:
        return [f"cannot be read: {error.strerror}"]
    except UnicodeDecodeError as error:
        return [f"is not UTF-8 text (byte {error.start + 1}): save it with the encoding UTF-8"]
    except RecursionError:
        return ["is nested too deeply"]
    except yaml.reader.ReaderError as error:
        return [f"holds the character U+{error.character:04X}, which YAML does not allow"]
    except yaml.MarkedYAMLError as error:
        return [_syntax_problem(error, text)]
    if root is None:
        return []  # an empty overlay changes nothing
    if not isinstance(root, yaml.MappingNode):
        return [f"line {_line(root)}: must be a mapping of keys to values, such as `name: paper`"]
    return _duplicates(root)


def _tabs_of_json_as_spaces(text: str) -> str:
    """Return JSON with its tabs as spaces: YAML, otherwise its superset, refuses them."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    return text.replace("\t", " ")


def _syntax_problem(error, text: str) -> str:
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


def _line(node) -> int:
    return node.start_mark.line + 1


def _duplicates(root) -> list[str]:
    """Return the duplicate keys of a YAML node and of all it holds, each node looked at once."""
    import yaml

    problems, waiting, seen = [], deque([(root, "")]), set()
    while waiting:
        node, path = waiting.popleft()
        if id(node) in seen:
            continue  # an alias of what was looked at
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += [(item, f"{path}[{i}]") for i, item in enumerate(node.value)]
        elif isinstance(node, yaml.MappingNode):
            lines: dict[tuple[str, str], list[int]] = {}
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode):
                    lines.setdefault((key.tag, key.value), []).append(_line(key))
                    waiting.append((value, f"{path}.{key.value}".removeprefix(".")))
            problems += [
                (numbers[1], f"{path}.{name}".removeprefix("."), numbers)
                for (_, name), numbers in lines.items()
                if len(numbers) > 1
            ]
    return [
        f"line {line}: the key {key} is given {len(numbers)} times, on the lines "
        f"{', '.join(map(str, numbers))}; keep one"
        for line, key, numbers in sorted(problems)
    ]
