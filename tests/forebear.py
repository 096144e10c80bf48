"""A process that has imported what its forks need, and lives as long as the one that started it."""

from __future__ import annotations

import gc
import socket
from collections.abc import Callable, Iterator

from bench.system import process


def callers(
    name: str, parent: int, load: Callable[[], None]
) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Load, say `up` on stdout, and yield the door at `name` with everybody who asks there."""
    process.die_with_parent(parent)
    gc.disable()
    load()
    gc.freeze()
    gc.enable()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
        door.bind("\0" + name)
        door.listen()
        print("up", flush=True)
        while True:
            link, _ = door.accept()
            with link:
                yield door, link
            process.reap()
