"""Listings kept: the same is answered at once until a file that was looked into has changed.

To show alone. What is measured is listed anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from bench.selecting.seen import State, states
from bench.sides.side import Side
from bench.system.cache import cache_folder
from bench.system.files import read_regular, write_whole
from bench.system.terminal import relay

MOST = 32  # listings that are kept
_OF_SHELLS = ("_", "SHLVL", "PWD", "OLDPWD")  # variables that say nothing to a listing

Plain = dict[str, Any]


@dataclass(frozen=True)
class Kept:
    """An answer, and the states of all that it was made from."""

    answer: Plain
    seen: dict[str, State]


class Listed:
    """Lists the cases of a side, by what is kept where that holds."""

    def __init__(self, side: Side):
        self._side = side

    def list_cases(self, request: Plain) -> Plain:
        """Answer as the side would; what it says is passed on each time."""
        if "selectors" not in request or request["files"] or _of_files(request["selectors"]):
            return self._side.list_cases(request)  # the user's own, which may depend on anything
        path = cache_folder() / "listings" / f"{_key(request)}.json"
        answer = _kept(path) or self._anew(request, path)
        relay(answer["said"])
        return answer

    def _anew(self, request: Plain, path: Path) -> Plain:
        began_ns = time.time_ns()
        answer = self._side.list_cases({**request, "quiet": True, "watched": True})
        found = states(answer.pop("seen"))
        if all(changed_ns < began_ns for changed_ns, _ in found.values()):
            _keep(path, Kept(answer, found))
        return answer


def _of_files(selectors: list[str]) -> bool:
    return any(selector.endswith(".py") for selector in selectors)


def _key(request: Plain) -> str:
    """Name what is asked, and where: machine, interpreter, variables, GPUs."""
    variables = {name: os.environ[name] for name in sorted(os.environ) if name not in _OF_SHELLS}
    cores = sorted(os.sched_getaffinity(0))
    told = [request, sys.executable, sys.version, os.getcwd(), variables, cores, *_of_machine()]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:24]


def _of_machine() -> list[str]:
    """Return this start of the machine, and what shows its GPUs."""
    devices = sorted(name for name in os.listdir("/dev") if name.startswith("nvidia"))
    return [
        _text("/proc/sys/kernel/random/boot_id"),
        _text("/proc/driver/nvidia/version"),
        *devices,
    ]


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _kept(path: Path) -> Plain | None:
    """Return the answer that is kept, if everything is as it was; a damaged one is none."""
    with contextlib.suppress(Exception):
        data = read_regular(path)
        found = msgspec.json.decode(data, type=Kept) if data else None
        if found and found.seen and states(found.seen) == found.seen:
            return found.answer
    return None


def _keep(path: Path, found: Kept) -> None:
    """Write it down, in place of the oldest; a cache that cannot be written costs time alone."""
    with contextlib.suppress(Exception):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, msgspec.json.encode(found))
        others = sorted(path.parent.glob("*.json"), key=lambda one: one.stat().st_mtime_ns)
        for one in others[:-MOST]:
            one.unlink()
