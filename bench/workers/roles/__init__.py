"""What one process may be asked to do with a case; no two roles share a process."""

from collections.abc import Callable

from bench.workers.contest import Contest
from bench.workers.roles.check import check
from bench.workers.roles.memory import memory, peak
from bench.workers.roles.profile import profile
from bench.workers.roles.quality import quality
from bench.workers.roles.result import Result
from bench.workers.roles.time import time

ROLES: dict[str, Callable[[Contest], Result]] = {
    "check": check,
    "memory": memory,
    "peak": peak,  # a process of a search for the largest batch
    "profile": profile,
    "quality": quality,
    "time": time,
}

__all__ = ["ROLES", "Result"]
