"""A trial: one module of `bench.running.proving.gpucheck.trials`, and what it has at hand."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from bench.cases.case import Case
from bench.errors import in_one_line
from bench.running.lock import device_lock
from bench.running.proving.gpucheck.finding import Failed, Skipped
from bench.running.session import fresh_cache
from bench.sides.checkout import published
from bench.sides.selection import ask as listing
from bench.sides.server import Server, ServerDied
from bench.sides.side import Side


@dataclass(frozen=True)
class Trial:
    """A module by its dotted name, and the part of it that is meant; `limit_s` is of the part."""

    module: str
    part: str
    order: float
    limit_s: float
    about: str

    @property
    def kind(self) -> str:
        """Return the name of all parts together."""
        return self.module.rpartition(".")[2]

    @property
    def name(self) -> str:
        return " ".join(filter(None, [self.kind, self.part]))


@dataclass(frozen=True)
class Here:
    """Where a trial is: the device, a folder to leave files in, and which part it is."""

    device: str
    folder: Path
    part: str = ""
    wait: bool = False

    @contextmanager
    def server(self, preload: tuple[str, ...] = (), cases: Sequence[Case] = ()) -> Iterator[Server]:
        """Yield a fresh server with an empty cache for compilers.

        The locks of the device, and of all that the cases' ranks run on, are held.
        """
        with device_lock(self.device, self.wait, cases), fresh_cache() as cache:
            side = replace(Side(), cache=cache)
            with side.serve(self.folder / "server.txt", preload) as server:
                yield server

    def listed(self, server: Server, *suites: str) -> list[Case]:
        """List the smoke cases of suites, of all without one, that run on this device."""
        answer = listing(server, list(suites), [], "smoke", self.device, {})
        cases = [published(Case(**plain)) for plain in answer["cases"]]
        return [case for case in cases if case.device == self.device]

    def call(self, server: Server, name: str, timeout_s: float, **arguments: Any) -> Any:
        """Have a fork call `module:function` of `on_device`; return its answer, plain data."""
        asked = {"call": f"bench.running.proving.gpucheck.on_device.{name}", "arguments": arguments}
        return self.attempt(server, asked, timeout_s)["answer"]

    def attempt(self, server: Server, asked: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """Have one request done; `Skipped` or `Failed` where its outcome is not ok."""
        log = (self.folder / "worker.txt").resolve()
        try:
            reply = server.attempt({**asked, "timeout_s": timeout_s, "log": str(log)})
        except ServerDied:
            raise Failed("the worker server died") from None
        if reply["outcome"] == "unsupported":
            raise Skipped(reply.get("detail", ""))
        if reply["outcome"] != "ok":
            raise Failed(f"{reply['outcome']}: {in_one_line(reply.get('detail', ''))}")
        return reply

    def bench(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `bench WORDS…`, which takes the device's lock itself."""
        return subprocess.run(
            [sys.executable, "-P", "-m", "bench", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            stdin=subprocess.DEVNULL,
        )


def suites() -> list[str]:
    """Name every suite that is installed; trials are told apart by them."""
    return sorted(point.name for point in entry_points(group="touchstone.suites"))
