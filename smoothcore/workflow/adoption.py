"""Code that was shown to compute the same bits as the code of finished runs, and is taken for it.

``results/<name>/adopted.json`` maps the fingerprint of such code to that of other code with the
same bits. Of all that were shown to be equal one is the name of all: wherever the workflow compares
code it uses that, so that a renamed variable makes nothing stale. `smoothcore.workflow.check` shows
it.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from smoothcore.errors import SettingsError
from smoothcore.files.repair import reading
from smoothcore.files.storage import atomic_write

NAME = "adopted.json"


def read_adopted(folder: Path) -> dict[str, str]:
    """Return what a folder of results has adopted: fingerprint → the one name of all equal to it.

    Raises:
        DamagedFileError: the file is no mapping of text to text.
        StorageError: it may not be read.
    """
    path = folder / NAME
    if not path.exists():
        return {}
    with reading(path, ValueError, hint=lambda path: f"Delete it: {path}"):
        adopted = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(adopted, dict) or not all(isinstance(v, str) for v in adopted.values()):
            raise ValueError("no mapping of fingerprints")
    return adopted


def refuse_other_code(told: Mapping[str, str], now: Mapping[str, str], file: Path) -> None:
    """Make sure that a job computes with the code that the workflow has told it.

    Else an edit made while the workflow runs would be recorded under the code of before.

    Args:
        told: fingerprints by what they are of.
        now: the same, of the code that this process runs.
        file: an output below ``results/<name>/runs`` or ``results/<name>/measures``.

    Raises:
        SettingsError: some code is another, and not known to compute the same bits.
    """
    kinds = ("runs", "measures")
    root = next((folder.parent for folder in file.parents if folder.name in kinds), file.parent)
    names = read_adopted(root)
    known = {name: (code, names.get(code)) for name, code in now.items()}
    if others := [name for name, code in told.items() if code not in known.get(name, ())]:
        raise SettingsError(
            f"the code behind {', '.join(others)} is not the one that the workflow was started "
            "with: it was edited since. Start the workflow again."
        )


def adopt(folder: Path, equal: Iterable[tuple[str, str]], carried: Mapping[str, int]) -> None:
    """Note that pairs of fingerprints belong to code that computes the same bits.

    Args:
        folder: ``results/<name>``.
        equal: code now and code of finished runs.
        carried: how often the tables name each fingerprint. The one with most is the name of all,
            because the runs with the others become stale; of two with as many, that of the
            finished runs.
    """
    names = read_adopted(folder)
    for new, old in equal:
        ours, theirs = names.get(new, new), names.get(old, old)
        # a stable sort: of two with as many, theirs
        other, name = sorted((ours, theirs), key=lambda code: carried.get(code, 0))
        if name != other:
            names = {code: name if of == other else of for code, of in names.items()}
            names[other] = name
    with atomic_write(folder / NAME) as temporary:
        temporary.write_text(json.dumps(names, indent=2, sort_keys=True) + "\n", encoding="utf-8")
