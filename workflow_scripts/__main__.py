"""The command `smoothcore`: the scripts that a person calls by hand.

python -m workflow_scripts does the same.
"""

import importlib
import sys
from collections.abc import Sequence

#: command → script; the others are called by rules
COMMANDS = {
    "status": "status",
    "tables": "show_tables",
    "check-runs": "check_runs",
    "publish": "publish",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command with its options; without one, or with --help, list them."""
    command, *options = (sys.argv[1:] if arguments is None else arguments) or [""]
    if command in COMMANDS:
        sys.argv = [f"smoothcore {command}", *options]
        return _script(command).main()
    summaries = {name: (_script(name).__doc__ or "").splitlines()[0] for name in COMMANDS}
    known = "\n".join(f"  {name:<12}{summary}" for name, summary in summaries.items())
    usage = f"usage: smoothcore COMMAND …; each has a --help\n\n{known}"
    if command in ("", "-h", "--help"):
        print(usage)
        return 0
    print(f"error: no command is called {command!r}\n{usage}", file=sys.stderr)
    return 2


def _script(command: str):
    return importlib.import_module(f"workflow_scripts.{COMMANDS[command]}")


if __name__ == "__main__":
    sys.exit(main())
