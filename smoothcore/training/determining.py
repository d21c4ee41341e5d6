"""Which modules that are imported by name determine the result of a run."""

from smoothcore import datasets
from smoothcore.engines import ENGINES
from smoothcore.regularizers import step_module


def determining_modules(regularizer: str, engine: str, dataset: str) -> list[str]:
    """Return the engine, the regularizer's step for it, and the dataset; full module names."""
    step = step_module(regularizer, engine)
    return [ENGINES[engine], datasets.module_of(dataset), *([step] if step else [])]
