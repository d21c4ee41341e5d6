"""A process that holds contenders and runs them when told to.

Contenders that cannot share a process (another TensorFlow, another thread setting) can then still
be measured in turn, so that what disturbs the machine disturbs them alike.
"""

import multiprocessing
import pkgutil
import resource
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from benchmarks.problem import from_folder

#: a contender is repeated for about so long whenever it is run
_CHUNK_SECONDS = 0.1

#: in the process of a worker: what it holds, each with its repetitions
_held: list[tuple[Any, int]] = []


class Worker(ProcessPoolExecutor):
    """A process of its own, from nothing but the environment of this one."""

    def __init__(self) -> None:
        super().__init__(1, multiprocessing.get_context("spawn"))

    def ask(self, work: Callable, *arguments: Any) -> Any:
        """Return what a function returns there; it raises here what it raises there."""
        return self.submit(work, *arguments).result()

    def contender(
        self, kind: str, problem: tuple | None = None, **arguments: Any
    ) -> Callable[[], float]:
        """Build a contender; the function that is returned runs it and returns s per step.

        Args:
            kind: a function of a module that is imported only there, ``contenders:floor``.
            problem: goes to `benchmarks.problem.from_folder`; None for a kind without one.
            arguments: further ones of the function.
        """
        number = self.ask(_prepare, kind, problem, arguments)
        return lambda: self.ask(_run, number)


def _prepare(kind: str, problem: tuple | None, arguments: dict) -> int:
    """Build a contender, warm it up, choose its repetitions; return its number."""
    if problem is not None:
        arguments = {"problem": from_folder(*problem), **arguments}
    contender = pkgutil.resolve_name(f"benchmarks.{kind}")(**arguments)
    contender.run(1)
    _held.append((contender, max(1, round(_CHUNK_SECONDS / contender.run(1)))))
    return len(_held) - 1


def _run(number: int) -> float:
    contender, repeats = _held[number]
    return contender.run(repeats) / (repeats * contender.steps)


def megabytes() -> float:
    """Return the largest resident set of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def blas() -> list[dict]:
    """Return the BLAS libraries of this process."""
    from threadpoolctl import threadpool_info

    return [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
