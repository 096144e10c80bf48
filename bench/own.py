"""The tool's own top-level names: found in this checkout, whatever else the user's path holds.

Names of the user's that the tool does not need (`tests`, and `reports` in a worker) stay theirs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

ROOT = str(Path(__file__).resolve().parent.parent)
WINGS = ("bench", "suites", "reports")
OF_WORKERS = WINGS[:2]


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
        return PathFinder.find_spec(fullname, [ROOT]) if fullname in self._names else None


def settle(names: Sequence[str]) -> None:
    """Find these names in the checkout alone, and anything else in it last of all."""
    sys.meta_path.insert(0, _Own(names))
    sys.path[:] = [entry for entry in sys.path if entry != ROOT] + [ROOT]


def put_last(folder: str) -> None:
    """Have modules found in a folder of the user's, after all that is not the tool's."""
    sys.path.insert(len(sys.path) - (sys.path[-1:] == [ROOT]), folder)
