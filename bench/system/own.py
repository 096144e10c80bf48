"""The tool's own top-level names: found in this checkout, whatever else the user's path holds.

Names of the user's that the tool does not need (`tests`, and `reports` in a worker) stay theirs. In
a worker the entries of `PYTHONPATH` come before libraries, as ever, and behind the standard ones.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
WINGS = ("bench", "suites", "reports")
OF_WORKERS = WINGS[:2]
USERS_PATH = "TOUCHSTONE_USERS_PATH"  # how a worker is told of PYTHONPATH


class _Own(MetaPathFinder):
    """Finds some top-level names under the root, and leaves all others to whoever comes next."""

    def __init__(self, names: Sequence[str]):
        self._names = names

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        return PathFinder.find_spec(fullname, [str(ROOT)]) if fullname in self._names else None


def settle(names: Sequence[str]) -> None:
    """Find these names in the checkout alone, and anything else in it last of all."""
    sys.meta_path.insert(0, _Own(names))
    others = [entry for entry in sys.path if entry != str(ROOT)]
    libraries = next((i for i, e in enumerate(others) if e.endswith("-packages")), len(others))
    sys.path[:] = [*others[:libraries], *_users(), *others[libraries:], str(ROOT)]


def _users() -> list[str]:
    """Return the entries of the user's path; what processes below get is as it was."""
    given = os.environ.pop(USERS_PATH, "")
    if not given:
        return []
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), given])
    entries = map(os.path.abspath, given.split(os.pathsep))
    return [entry for entry in entries if entry != str(ROOT)]


def put_last(folder: str) -> None:
    """Have modules found in a folder of the user's, after all that is not the tool's."""
    sys.path.insert(len(sys.path) - (sys.path[-1:] == [str(ROOT)]), folder)
