"""Rooms that are filled by dropping a file in: measures, regularizers, datasets.

An entry is a module, or a package, of the room that says what it is in a constant. Nothing lists
the entries anywhere else. A name that begins with an underscore is no entry.
"""

import functools
import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


@functools.cache
def entries(room: str, constant: str) -> Mapping[str, Any]:
    """Return what each entry of a room says of itself, by its name, in the order of their ranks.

    Args:
        room: full name of a package, such as ``smoothcore.measures``.
        constant: the constant that describes an entry; it has a ``name`` and a ``rank``.

    Raises:
        ValueError: two entries have one name, or an entry lacks the constant.
    """
    found: dict[str, Any] = {}
    modules = pkgutil.iter_modules(importlib.import_module(room).__path__)
    for name in sorted(f"{room}.{m.name}" for m in modules if not m.name.startswith("_")):
        about = getattr(importlib.import_module(name), constant, None)
        if about is None:
            raise ValueError(f"{name} does not say what it is: it needs a constant {constant}")
        if about.name in found:
            raise ValueError(f"two modules of {room} describe {about.name!r}, one is {name}")
        found[about.name] = about
    ranked = sorted(found.values(), key=lambda about: (about.rank, about.name))
    return MappingProxyType({about.name: about for about in ranked})
