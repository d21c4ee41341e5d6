"""Published results: the tables of a study, without its weights, and what is made of them again."""

import json

from smoothcore.files.paths import Layout
from smoothcore.study.run import Run

_RESTORED = "restored.json"


def restored_runs(layout: Layout) -> set[Run]:
    """Return the runs whose files were restored from published tables, so without weights."""
    try:
        rows = json.loads((layout.root / _RESTORED).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return set()
    return {Run(*row) for row in rows}
