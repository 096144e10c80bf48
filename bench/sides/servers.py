"""The fork servers of one stage: one for every set of modules that cases want imported already."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from bench.cases.case import Case
from bench.sides.server import Server, ServerDied
from bench.sides.side import Side


class Servers:
    """The servers that a list of cases needs; use as a context manager, which ends them all.

    All start together, and are up before the first attempt begins. `log_for` names the file that a
    server's own stderr goes to, `keep_log` is told of it when the server has ended. `at_hand` is a
    server without preload that runs already: it is taken over, and ended where no case needs it.
    `tell` gets a line for every module that a server had to leave out.
    """

    def __init__(
        self,
        side: Side,
        cases: Iterable[Case],
        log_for: Callable[[], Path],
        keep_log: Callable[[Path], Any],
        tell: Callable[[str], None],
        at_hand: Server | None = None,
    ):
        self._side, self._log_for, self._keep_log = side, log_for, keep_log
        self._tell = tell
        self._wanted = sorted({tuple(case.preload) for case in cases})
        self._at_hand = at_hand
        self._running: dict[tuple[str, ...], Server] = {(): at_hand} if at_hand else {}

    @property
    def num_wanted(self) -> int:
        """Return how many servers the cases need."""
        return len(self._wanted)

    def start(self) -> None:
        """Begin to start them all, and do not wait."""
        for preload in set(self._running) - set(self._wanted):
            self._end(preload)
        for preload in self._wanted:
            if preload not in self._running:
                self._start(preload)

    def wait(self) -> None:
        """Wait until all are up."""
        for server in self._running.values():
            for module in server.hello.get("left_out", []):
                self._tell(
                    f"{module} begins CUDA when it is imported, and forks need it unbegun: every "
                    "worker imports it anew, which takes longer"
                )

    def __enter__(self) -> Servers:
        try:
            self.start()
            self.wait()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for preload in list(self._running):
            self._end(preload)

    def attempt(self, case: Case, request: dict[str, Any]) -> dict[str, Any]:
        """Have the request done by the case's server, and sleep meanwhile."""
        under_way = self.begin(case, request)
        while True:
            try:
                next(under_way)
            except StopIteration as end:
                reply: dict[str, Any] = end.value
                return reply

    def begin(self, case: Case, request: dict[str, Any]) -> Generator[Server, None, dict[str, Any]]:
        """Ask the case's server, a new one where that has died; yield it while an answer is due.

        Once more, since its death may have had nothing to do with this case; twice is a crash.
        """
        preload = tuple(case.preload)
        for _ in range(2):
            server = self._running.get(preload) or self._start(preload)
            try:
                server.ask(request)
                yield server
                return server.answer()
            except ServerDied:
                self._end(preload)
        return {"outcome": "crash", "detail": "the worker server died twice"}

    def _start(self, preload: tuple[str, ...]) -> Server:
        self._running[preload] = self._side.serve(self._log_for(), preload)
        return self._running[preload]

    def _end(self, preload: tuple[str, ...]) -> None:
        server = self._running.pop(preload)
        server.close()
        if server is self._at_hand and server.log.exists():
            server.log = Path(shutil.move(server.log, self._log_for()))
        self._keep_log(server.log)


@contextmanager
def together(*groups: Servers) -> Iterator[tuple[Servers, ...]]:
    """Start the servers of several groups beside each other, in this order; end all of them."""
    with ExitStack() as ending:
        for servers in groups:
            ending.push(servers)
            servers.start()
        for servers in groups:
            servers.wait()
        yield groups
