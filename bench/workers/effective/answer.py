"""One answer for a session: effective facts, and which of the user's variables are read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bench.workers.effective.kernels import kernels
from bench.workers.effective.machine import of_machine
from bench.workers.effective.on_cuda import of_cuda
from bench.workers.effective.process import loaded, of_process
from bench.workers.effective.variables import read_by_any


def answer(names: Iterable[str], device: str = "cpu") -> dict[str, Any]:
    """Answer in a fork of a server, which this leaves changed; `names` are of variables.

    Facts are plain texts by name, the same whenever nothing has changed.
    """
    libraries = loaded()
    facts = {**of_process(libraries), **kernels(), **of_machine()}
    if device != "cpu":
        facts |= of_cuda(libraries)
    return {"facts": facts, "variables": read_by_any(names, libraries)}
