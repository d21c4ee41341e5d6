"""What the scripts share: settings as one piece of JSON, a log on standard error."""

import argparse
import json
import logging
import sys
from dataclasses import MISSING, asdict, fields, make_dataclass
from pathlib import Path
from typing import Any

from smoothcore.errors import SettingsError
from smoothcore.regularizers import NONE
from smoothcore.study.run import Run
from smoothcore.training.recipe import Recipe

#: of a first try by hand
EXAMPLE_RUN = Run("4-9", 64, 0, NONE, 0.0, 0.01)
EXAMPLE_RECIPE = Recipe("mnist", "sparse", 256, 0.01, 64, 1e-5, 25000)


def settings_parser(doc: str, **example: Any) -> argparse.ArgumentParser:
    """Return a parser with ``--settings``, whose help ends with an example of its parts."""
    parser = argparse.ArgumentParser(
        description=doc,
        epilog="example of settings:\n\n  " + to_settings(**example),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--settings", required=True, help="JSON; its keys are those of the config")
    return parser


def results_parser(doc: str) -> argparse.ArgumentParser:
    """Return a parser with the grid of a study and the folder of its results, whole or partial."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--grid", required=True, type=Path, help="results/<name>/grid.parquet")
    parser.add_argument("--folder", required=True, type=Path, help="of what is read and written")
    return parser


def to_settings(**parts: Any) -> str:
    """Return settings as one line of JSON: dataclasses as mappings, fields named as in the config.

    Fields that are None are left out.
    """
    return json.dumps(parts, default=_to_mapping, sort_keys=True, ensure_ascii=False)


def _to_mapping(part: Any) -> dict[str, Any]:
    values = {name.rstrip("_"): value for name, value in asdict(part).items()}
    return {name: value for name, value in values.items() if value is not None}


def from_settings(text: str, **parts: type) -> list[Any]:
    """Return the parts of some settings, in the order they are asked for.

    ``parts`` gives the type of each: a dataclass, or a plain type.

    Raises:
        SettingsError: the text is not JSON, or a key or a value is not what it should be; the
            message lists every problem.
    """
    try:
        given = json.loads(text)
    except ValueError as error:
        raise SettingsError(f"the settings are not JSON: {error}") from None
    problems: list[str] = []
    settings = _checked(given, make_dataclass("Settings", parts.items()), "", problems)
    if problems:
        raise SettingsError("\n  - ".join(["the settings are not valid:", *problems]))
    return list(vars(settings).values())


def _checked(given: Any, kind: Any, path: str, problems: list[str]) -> Any:
    """Return what a piece of JSON says, as a dataclass or a value; None where it is no such."""
    if not hasattr(kind, "__dataclass_fields__"):
        return _value(given, kind, path, problems)
    if not isinstance(given, dict):
        problems.append(f"{path or 'settings'}: must be a mapping")
        return None
    known = {field.name.rstrip("_"): field for field in fields(kind)}
    values, before = {}, len(problems)
    places = {key: f"{path}.{key}".lstrip(".") for key in (*known, *given)}
    for key, field in known.items():
        if key in given:
            values[field.name] = _checked(given[key], field.type, places[key], problems)
        elif field.default is MISSING:
            problems.append(f"{places[key]}: missing")
    problems += [f"{places[key]}: unknown key" for key in given if key not in known]
    if len(problems) > before:
        return None
    try:
        return kind(**values)
    except ValueError as error:
        problems.append(f"{path}: {error}")
        return None


def _value(value: Any, kind: Any, path: str, problems: list[str]) -> Any:
    if kind is float and type(value) is int:
        return float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        wanted = getattr(kind, "__name__", str(kind))
        problems.append(f"{path}: got {json.dumps(value)}; must be {wanted}")
    elif type(value) in (int, float):
        may_be_0 = path in ("run.seed", "run.lambda")
        if value < 0 or (value == 0 and not may_be_0):
            problems.append(f"{path}: got {value}; must be {'0 or ' * may_be_0}above 0")
    return value


def log_to_stderr() -> logging.Logger:
    """Let the library's log go to standard error; a log that cannot be written stops nothing."""
    logger = logging.getLogger("smoothcore")
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(message)s"))
        handler.handleError = lambda record: None  # type: ignore[method-assign]
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    return logger


def do_without(*modules: str) -> None:
    """Let some modules count as not installed in this process.

    pyarrow imports pandas, and Numba SciPy, only to see whether a value needs it. A job that has no
    such value saves 50 MB and 0.4 s.
    """

    class Absent:
        def find_spec(self, name: str, *_: object) -> None:
            if name in modules:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    sys.meta_path.insert(0, Absent())
