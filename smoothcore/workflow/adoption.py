"""Code that was shown to compute the same bits as the code of finished runs, and is taken for it.

``results/<name>/adopted.json`` maps the fingerprint of such code to the fingerprint that the
finished runs carry. Wherever the workflow compares code it uses the older name, so that a renamed
variable makes nothing stale. `smoothcore.workflow.check` writes the file.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from smoothcore.errors import DamagedFileError
from smoothcore.files.storage import atomic_write

NAME = "adopted.json"


def read_adopted(folder: Path) -> dict[str, str]:
    """Return what a folder of results has adopted: fingerprint → fingerprint of its runs.

    Raises:
        DamagedFileError: the file is no mapping of text to text.
    """
    path = folder / NAME
    try:
        adopted = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise DamagedFileError(f"{path} is damaged ({error}). Delete it: {path}") from None
    if not isinstance(adopted, dict) or not all(isinstance(v, str) for v in adopted.values()):
        raise DamagedFileError(f"{path} is no mapping of fingerprints. Delete it: {path}")
    return adopted


def adopt(folder: Path, equal: Mapping[str, str]) -> None:
    """Note that some code computes what other code did: fingerprint → fingerprint of the runs."""
    merged = read_adopted(folder) | {new: old for new, old in equal.items() if new != old}
    with atomic_write(folder / NAME) as temporary:
        temporary.write_text(json.dumps(merged, indent=2, sort_keys=True) + "\n", encoding="utf-8")
