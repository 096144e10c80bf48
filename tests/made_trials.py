"""Trials of every way to end, for `bench gpucheck`'s own tests; none of them needs a device."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from bench.errors import UserError
from bench.running.proving.gpucheck.finding import Failed, Figure, NotTold, Skipped
from bench.running.proving.gpucheck.trial import Here

ORDER = 1
LIMIT_S = 20


def parts() -> list[str]:
    return list(WAYS)


def ask(here: Here) -> list[Figure]:
    return WAYS[here.part](here)


def _passes(here: Here) -> list[Figure]:
    runs = here.folder / "runs" / "0"
    runs.mkdir(parents=True)
    (runs / "kept.txt").write_text("GPU-12345678-1234-1234-1234-123456789abc was here\n")
    print(f"in {here.folder} on GPU-12345678-1234-1234-1234-123456789abc at 00000000:3B:00.0")
    return [Figure("one", 1.0, "s", 0.5, 2.0), Figure("unbounded", 3.0), Figure("unknown", None)]


def _fails(here: Here) -> list[Figure]:
    return [Figure("one", 1.0, "s", 0.5, 2.0), Figure("two", float("nan"), "B", 0, 1)]


def _segfaults(here: Here) -> list[Figure]:
    print("what it said last", flush=True)
    os.kill(os.getpid(), signal.SIGSEGV)
    return []


def _leaves(here: Here) -> list[Figure]:
    os._exit(0)


def _hangs(here: Here) -> list[Figure]:
    """Ignore SIGTERM, with a child that ignores it too, in a session of its own."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    (here.folder / "child").write_text(str(child.pid))
    time.sleep(60)
    return []


def _raises(here: Here) -> list[Figure]:
    raise KeyError("a reply without what it should have")


def _refuses(here: Here) -> list[Figure]:
    raise UserError("another run is measuring")


def _skips(here: Here) -> list[Figure]:
    raise Skipped("needs 2 GPUs")


def _cannot_tell(here: Here) -> list[Figure]:
    raise NotTold("no NVML")


def _dies_in_a_worker(here: Here) -> list[Figure]:
    raise Failed("crash: died of SIGSEGV without a result")


def _tells_nothing(here: Here) -> list[Figure]:
    return [Figure("power", None, "W", 0, 1)]


WAYS: dict[str, Callable[[Here], list[Figure]]] = {
    "passes": _passes,
    "fails": _fails,
    "segfaults": _segfaults,
    "leaves": _leaves,
    "hangs": _hangs,
    "raises": _raises,
    "refuses": _refuses,
    "skips": _skips,
    "cannot-tell": _cannot_tell,
    "dies-in-a-worker": _dies_in_a_worker,
    "tells-nothing": _tells_nothing,
}
