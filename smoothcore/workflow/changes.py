"""Which settings or code changed since runs were computed, in a line each."""

import ast
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def lines(changed: Iterable[tuple[str, Iterable[str], Iterable[str]]]) -> list[str]:
    """Return what changed, each with the number of runs it is about.

    Args:
        changed: for each job its stage, ``training`` or ``measuring``, and the params that it had
            and has now, as Snakemake keeps them: ``repr`` of JSON, or of a fingerprint of code.
    """
    counts = Counter(
        (stage, what) for stage, old, new in changed for what in _changes(stage, old, new)
    )
    return [
        f"{stage}: {what} ({count} {'run' if count == 1 else 'runs'})"
        for (stage, what), count in counts.items()
    ]


def _changes(stage: str, old: Iterable[str], new: Iterable[str]) -> Iterator[str]:
    before, now = _read(old), _read(new)
    part = "recipe" if stage == "training" else "measuring"
    settings, settings_now = (found.get(part, {}) for found in (before, now))
    for key in sorted(settings.keys() | settings_now.keys()) if settings and settings_now else ():
        was, is_ = (json.dumps(found.get(key)) for found in (settings, settings_now))
        if was != is_:
            yield f"{key} {was} → {is_}"
    code, code_now = before.get("code"), now.get("code")
    if isinstance(code, dict) and isinstance(code_now, dict):
        for name in code_now | code:
            if name not in code:
                yield f"{name} is new"
            elif name not in code_now:
                yield f"{name} is not asked for any more"
            elif code[name] != code_now[name]:
                yield f"the code of {name} changed"
    elif code != code_now:
        yield "its code changed"


def _read(params: Iterable[str]) -> Mapping[str, Any]:
    """Return the settings of a job by their parts, and its fingerprints under ``code``."""
    found: dict[str, Any] = {}
    for text in params:
        value = ast.literal_eval(text)
        try:
            content = json.loads(value)
        except (TypeError, ValueError):
            content = None
        if isinstance(content, dict) and "run" in content:
            found |= content
        else:
            found["code"] = content if isinstance(content, dict) else value
    return found
