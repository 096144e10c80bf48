"""The door of the `bench` command: the tool's own packages come first, the user's path last.

A package named `bench` or `reports`, or a module named like a standard one, that lies on
PYTHONPATH is for the user's own files; workers, which import those, have the path as it is.

Names of files are UTF-8 to this process and all below it, whatever the locale says: torch cannot be
imported from a folder `é` where the locale is plain C and Python's UTF-8 mode is off.
"""

import os
import sys

ROOT = os.path.dirname(os.path.realpath(__file__))


def main() -> None:
    """Run the command with the checkout's packages."""
    if sys.getfilesystemencoding() != "utf-8":
        _begin_again_in_utf8()
    given = os.environ.get("PYTHONPATH", "")
    users = {os.path.abspath(entry) for entry in given.split(os.pathsep) if given}
    own = [entry for entry in sys.path if entry not in users]
    sys.path[:] = [ROOT, *own, *(entry for entry in sys.path if entry in users)]
    from bench.system.own import WINGS, settle

    settle(WINGS)
    from bench import cli

    cli.main()


def _begin_again_in_utf8() -> None:
    """Replace this process by one in Python's UTF-8 mode, with output in the encoding it had."""
    os.environ["PYTHONUTF8"] = "1"
    os.environ.setdefault("PYTHONIOENCODING", sys.stdout.encoding if sys.stdout else "ascii")
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
