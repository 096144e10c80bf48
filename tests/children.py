"""Forks of a test: what they do is done in a process of its own, and never returns to pytest."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable

FAILED = 99


def start(work: Callable[[], int | None]) -> int:
    """Fork a child that works and leaves with what the work returns; return its pid."""
    pid = os.fork()
    if pid == 0:
        code = FAILED
        try:
            code = work() or 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return pid


def end(pid: int) -> int:
    """Wait for a child, and return its exit code."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
