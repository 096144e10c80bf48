"""Lanes: attempts that time nothing, some beside each other, each lane with its own servers."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Iterable, Iterator

from bench.cases.case import Attempt, Case, Role
from bench.running.attempts import UnderWay
from bench.sides.server import Server
from bench.sides.servers import Servers

MOST = 4  # lanes: each has servers of its own
MEMORY_SHARE = 0.5  # of what is available, for all lanes together


def beside(case: Case, role: Role) -> int:
    """Return how many such attempts the cores have room for; 1 where something is timed.

    Nor has the memory room for another beside a search for the largest batch.
    """
    alone = role in ("time", "profile", "fit") or (role == "check" and case.starts_cold)
    if alone or case.device != "cpu" or case.ranks > 1:
        return 1
    return max(min(len(os.sched_getaffinity(0)) // case.threads, MOST), 1)


def fitting(lanes: int, case_bytes: float, available_bytes: float) -> int:
    """Return how many lanes fit the memory, if each holds what the largest case does."""
    return max(min(lanes, int(MEMORY_SHARE * available_bytes // max(case_bytes, 1))), 1)


def side_by_side(
    lanes: Iterable[Servers], begin: Callable[[Servers], UnderWay | None]
) -> Iterator[Attempt]:
    """Keep every lane busy with what `begin` has for it; yield attempts as they end.

    None from `begin` says that there is nothing more.
    """
    going: dict[Servers, tuple[UnderWay, Server]] = {}
    ready = list(lanes)
    while ready:
        for lane in ready:
            under_way = going.pop(lane)[0] if lane in going else begin(lane)
            while under_way is not None:
                try:
                    going[lane] = under_way, next(under_way)
                    break
                except StopIteration as end:
                    yield end.value
                    under_way = begin(lane)
        ready = _answered(going) if going else []


def _answered(going: dict[Servers, tuple[UnderWay, Server]]) -> list[Servers]:
    """Sleep until a lane has its answer, or need not wait for one any longer."""
    servers = [server for _, server in going.values()]
    left_s = min(server.due for server in servers) - time.monotonic()
    readable, _, _ = select.select(servers, [], [], max(left_s, 0))
    now = time.monotonic()
    return [lane for lane, (_, server) in going.items() if server in readable or now >= server.due]
