"""What a listing depends on: every file and folder that was looked into, and their states."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any

State = tuple[int, int]  # when it was last changed, in ns, and how long it is

_OPENED, _SCANNED = "open", ("os.listdir", "os.scandir")
_OF_KERNEL = ("/proc/", "/sys/", "/dev/")  # not of files that anyone edits


class Watch:
    """Notes what this process opens or lists from now on; it cannot be undone: for a fork."""

    def __init__(self) -> None:
        self._paths: set[str] = set()
        sys.addaudithook(self._note)

    def _note(self, event: str, told: tuple[Any, ...]) -> None:
        if event == _OPENED or event in _SCANNED:
            path = told[0] if told else None
            if isinstance(path, str | os.PathLike):
                self._paths.add(os.path.abspath(os.fsdecode(path)))

    def seen(self) -> list[str]:
        """Return what was looked into, the files of all modules, and where modules are looked for.

        Compiled copies follow their sources, whose files modules name.
        """
        files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
        named = {file for file in (*files, *sys.path_importer_cache) if isinstance(file, str)}
        paths = self._paths | set(map(os.path.abspath, named))
        return sorted(
            path
            for path in paths
            if not path.startswith(_OF_KERNEL) and "__pycache__" not in path and _there(path)
        )


def _there(path: str) -> bool:
    return os.path.isfile(path) or os.path.isdir(path)


def states(paths: Iterable[str]) -> dict[str, State]:
    """Return the state of each; of one that is gone, none that a file can have."""
    return {path: _state(path) for path in paths}


def _state(path: str) -> State:
    try:
        found = os.stat(path)
    except OSError:
        return (-1, -1)
    return (found.st_mtime_ns, found.st_size)
