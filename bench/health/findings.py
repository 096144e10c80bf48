"""Every finding of `bench doctor`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

from bench.errors import UserError
from bench.health import busy, clocks, counters, gpus, layout, noise, shape
from bench.health.finding import Finding
from bench.health.glance import look
from bench.health.quota import quota
from bench.sides.side import Side
from bench.system.scratch import scratch


def findings(facts: dict[str, Any]) -> Iterator[Finding]:
    """Yield every finding of a machine with these facts, in the order in which to see to them."""
    before, after = look()  # before the worker server starts, which would be seen as load
    usable = os.sched_getaffinity(0)
    yield _interpreter()
    yield _workers()
    yield busy.others(before, after)
    yield from gpus.gpus(facts)
    yield quota(after.times_held, usable)
    yield clocks.heat(before, after)
    yield busy.swap(before, after)
    yield busy.stolen(before, after)
    yield clocks.frequency()
    yield shape.siblings(usable)
    yield shape.memory_nodes()
    yield layout.huge_pages()
    yield layout.addresses()
    yield shape.cores(facts)
    yield shape.virtual(facts)
    yield counters.energy()
    yield noise.selftests(facts["machine_id"], device_of(facts))


def device_of(facts: dict[str, Any]) -> str:
    """Return the device that is measured by default."""
    return "cuda:0" if facts["gpus"] else "cpu"


def _interpreter() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    good = sys.platform == "linux"
    return Finding(
        "Python",
        f"{version} on {sys.platform}",
        "" if good else "isolation needs Linux: run in a Linux machine or container",
    )


def _workers() -> Finding:
    try:
        with scratch("doctor") as folder, Side().serve(folder / "server.txt") as server:
            hello = server.hello
    except UserError as error:
        return Finding("worker server", str(error), "run `make setup`", "not ready to measure")
    advice = "" if hello["threads"] == 1 else "importing torch started threads; forks may hang"
    return Finding(
        "worker server", f"torch {hello['torch']}, CUDA {hello['cuda'] or 'none'}", advice
    )
