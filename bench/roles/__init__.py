"""What one process may be asked to do with a case; no two roles share a process."""

from collections.abc import Callable

from bench.contest import Contest
from bench.roles.check import check
from bench.roles.memory import memory
from bench.roles.quality import quality
from bench.roles.result import Result
from bench.roles.time import time

ROLES: dict[str, Callable[[Contest], Result]] = {
    "check": check,
    "memory": memory,
    "quality": quality,
    "time": time,
}

__all__ = ["ROLES", "Result"]
