"""Switches of the process: cores, priority, collector, denormals, environment."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import re
import sys
from collections.abc import Iterator

import torch

from bench.state.switch import Switch
from bench.system.families import belongs, of_kernels

_PR_SET_THP_DISABLE, _PR_GET_THP_DISABLE = 41, 42

# where something is kept, or how much is said: libraries set such variables for themselves
_PLACES = re.compile(r".*(DIR|PATH|HOME|FILE|FOLDER|LOGS?|LEVEL|VERBOSE|VERBOSITY)$")


def process_switches() -> Iterator[Switch]:
    """Yield those of any process."""
    yield Switch("affinity", "asked", _affinity, _set_affinity)
    yield Switch("nice", "asked", lambda: os.getpriority(os.PRIO_PROCESS, 0), _set_nice)
    yield Switch("scheduler", "asked", lambda: os.sched_getscheduler(0))
    yield Switch("huge_pages", "asked", _huge_pages, _set_huge_pages)
    yield Switch("python_tracing", "asked", _traced)
    yield Switch("environment", "asked", _environment, _set_environment)
    yield Switch("variables", "told", _variables)
    yield Switch("denormals_flushed", "denormals", _denormals_flushed, torch.set_flush_denormal)
    yield Switch("gc", "told", gc.isenabled, lambda on: gc.enable() if on else gc.disable())
    yield Switch("gc_threshold", "told", gc.get_threshold, lambda t: gc.set_threshold(*t))
    yield Switch("switch_interval", "told", sys.getswitchinterval, sys.setswitchinterval)


def _affinity() -> frozenset[int]:
    return frozenset(os.sched_getaffinity(0))


def _set_affinity(cores: frozenset[int]) -> None:
    """Give the cores to every thread: those that have started keep what they began with."""
    for thread in map(int, os.listdir("/proc/self/task")):
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(thread, cores)


def _set_nice(value: int) -> None:
    os.setpriority(os.PRIO_PROCESS, 0, value)


def _huge_pages() -> bool:
    """Say whether this process may have transparent huge pages."""
    return bool(ctypes.CDLL(None).prctl(_PR_GET_THP_DISABLE, 0, 0, 0, 0) == 0)


def _set_huge_pages(allowed: bool) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_THP_DISABLE, int(not allowed), 0, 0, 0)


def _traced() -> bool:
    return sys.gettrace() is not None or sys.getprofile() is not None


def _denormals_flushed() -> bool:
    """Halve the smallest normal number: no library has a getter, the processor answers."""
    return sys.float_info.min / 2 == 0.0


def _environment() -> frozenset[tuple[str, str]]:
    """Return the variables that libraries of kernels and threads may read in their first call."""
    return frozenset(
        (n, v) for n, v in os.environ.items() if of_kernels(n) and not _PLACES.match(n)
    )


def _variables() -> frozenset[tuple[str, str]]:
    """Return those of other families: frameworks set them for themselves."""
    found = ((n, v) for n, v in os.environ.items() if belongs(n) and not of_kernels(n))
    return frozenset((n, v) for n, v in found if not _PLACES.match(n))


def _set_environment(variables: frozenset[tuple[str, str]]) -> None:
    for name, _ in _environment() - variables:
        del os.environ[name]
    os.environ.update(dict(variables))
