"""`bench` as these tests run it: python -P command.py LOCKS CEILINGS SERVERS WORDS…

It has a lock of its own, under the name LOCKS, so as not to wait for who measures on this machine.
What the device can do is measured once, by whoever asks first, and kept in the folder CEILINGS.
Servers are forks of the process that listens at SERVERS, if there is one. Both are seconds of every
run that only few tests are about.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
from filelock import FileLock

from bench import cli
from bench.machine.ceilings import ask as asking
from bench.machine.ceilings.roofline import Ceilings
from bench.running import lock
from bench.sides import server
from bench.sides.server import Server

ROOT = str(Path(__file__).resolve().parent.parent)

Tell = Callable[[str], None]


class Kept:
    """Asks for ceilings as `ask` does, but for what is kept already."""

    def __init__(self, folder: Path, ask: Callable[..., list[Ceilings]]):
        self.folder, self.measure = folder, ask

    def ask(
        self, server: Server, wanted: Iterable[tuple[str, int]], log: Path, tell: Tell
    ) -> list[Ceilings]:
        return [found for asked in wanted for found in self._one(server, asked, log, tell)]

    def _one(self, server: Server, asked: tuple[str, int], log: Path, tell: Tell) -> list[Ceilings]:
        device, threads = asked
        path = self.folder / f"{device.replace(':', '-')}-{threads}.json"
        with FileLock(path.with_suffix(".lock")):
            if path.exists():
                log.touch()
                return msgspec.json.decode(path.read_bytes(), type=list[Ceilings])
            found = self.measure(server, [asked], log, tell)
            if found:
                path.write_bytes(msgspec.json.encode(found))
            return found


def main(prefix: str, folder: str, servers: str, *words: str) -> None:
    """Run the command line, as `bench` does."""
    lock.PREFIX = prefix
    sys.argv[:] = ["bench", *words]
    asking.ask = Kept(Path(folder), asking.ask).ask
    if servers:
        sys.path.append(ROOT)  # a user's own `tests` would come first, and there is none
        from tests.forked_servers import subprocess_of

        sys.path.remove(ROOT)
        vars(server)["subprocess"] = subprocess_of(servers)
    cli.main()


if __name__ == "__main__":
    main(*sys.argv[1:])
