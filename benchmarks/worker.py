"""A process that holds contenders and runs them when told to, a line of JSON at a time.

Contenders that cannot share a process (another TensorFlow, another thread setting) can then still
be measured in turn, so that what disturbs the machine disturbs them alike.
"""

import importlib
import json
import os
import resource
import sys
import traceback

from benchmarks.contenders import Contender
from benchmarks.problem import from_folder

_held: dict[str, tuple[Contender, int]] = {}


def build(kind: str, problem: tuple | None, arguments: dict) -> Contender:
    """Return the contender of a kind, a function of a module that is imported only here.

    ``problem`` goes to `benchmarks.problem.from_folder`.
    """
    if problem is not None:
        arguments = {"problem": from_folder(*problem), **arguments}
    module, _, name = kind.partition(".")
    return getattr(importlib.import_module(f"benchmarks.{module}"), name)(**arguments)


def prepare(name: str, kind: str, problem: list | None, arguments: dict, seconds: float) -> dict:
    """Build a contender, warm it up, and choose repetitions that take about so many seconds."""
    contender = build(kind, problem, arguments)
    contender.run(1)
    once = contender.run(1)
    repeats = max(1, round(seconds / once))
    _held[name] = contender, repeats
    return {"repeats": repeats}


def run(name: str) -> dict:
    """Run a contender; return its seconds per step."""
    contender, repeats = _held[name]
    return {"seconds": contender.run(repeats) / (repeats * contender.steps)}


def about() -> dict:
    """Return the BLAS libraries of this process and its largest resident set in MB."""
    from threadpoolctl import threadpool_info

    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    blas = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    return {"blas": blas, "megabytes": megabytes}


def main() -> None:
    """Answer requests from standard input until it ends."""
    # whatever a library prints must not get between the answers
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        do = {"prepare": prepare, "run": run, "about": about}[request.pop("do")]
        try:
            answer = do(**request)
        except Exception:
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer), file=answers)


if __name__ == "__main__":
    main()
