"""The servers of coming rounds: every round has its own, and those of several start together."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable
from types import TracebackType

from bench.cases.costs import SERVER_START_S
from bench.sides.servers import Servers

_MEMORY_SHARE = 0.25  # of what is available, for servers that wait
_SERVER_BYTES = 300 << 20  # of torch and what a problem wants imported, in no file


class Ahead:
    """Servers that wait for their round; use as a context manager, which ends those left over.

    Nothing may be timed between `start` and the next `take`, which waits until all of them are up.
    """

    def __init__(self) -> None:
        self._waiting: deque[Servers] = deque()

    def __enter__(self) -> Ahead:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        while self._waiting:
            self._waiting.popleft().__exit__(kind, value, trace)

    def __len__(self) -> int:
        return len(self._waiting)

    def start(self, rounds: Iterable[Servers]) -> None:
        """Begin to start the servers of these rounds, in order."""
        for servers in rounds:
            self._waiting.append(servers)
            servers.start()

    def wait(self) -> None:
        """Wait until nothing is starting any more."""
        for servers in self._waiting:
            servers.wait()

    def take(self) -> Servers:
        """Return the servers of the next round, once nothing is starting any more."""
        self.wait()
        return self._waiting.popleft()


def rounds_ahead(num_servers: int, untimed_s: float, available_bytes: int) -> int:
    """Return for how many rounds to start servers together, `num_servers` each; at least one.

    As many as this machine has cores to start them on, or more where there are seconds of work
    that is not timed, beside which they can start; never more than fit its memory.
    """
    cores = len(os.sched_getaffinity(0))
    at_once = cores // max(num_servers, 1)
    beside = (cores - 1) * untimed_s / (SERVER_START_S * max(num_servers, 1))
    fitting = _MEMORY_SHARE * available_bytes / (_SERVER_BYTES * max(num_servers, 1))
    return max(1, int(min(max(at_once, beside), fitting)))
