"""The door of the `bench` command: the tool's own packages come first, the user's path last.

A package named `bench` or `reports`, or a module named like a standard one, that lies on
PYTHONPATH is for the user's own files; workers, which import those, have the path as it is.
"""

import os
import sys

ROOT = os.path.dirname(os.path.realpath(__file__))


def main() -> None:
    """Run the command with the checkout's packages."""
    given = os.environ.get("PYTHONPATH", "")
    users = {os.path.abspath(entry) for entry in given.split(os.pathsep) if given}
    own = [entry for entry in sys.path if entry not in users]
    sys.path[:] = [ROOT, *own, *(entry for entry in sys.path if entry in users)]
    from bench.own import WINGS, settle

    settle(WINGS)
    from bench import cli

    cli.main()
