"""How a follower comes to its leader, and what both mean by the same command and machine."""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Sequence
from pathlib import Path

from bench.errors import UserError
from bench.running.nodes.channel import Channel
from bench.running.nodes.group import Group
from bench.sides.checkout import hidden

JOIN_S = 300.0  # for all nodes to come: allocations start one by one
_AGAIN_S = 0.2
_ANSWERED_S = 5.0
_OF_A_NODE = ("--node-rank", "--rdzv-endpoint", "--nnodes")


def joined(group: Group) -> Channel:
    """Connect to the leader, once it listens; UserError where it does not in time."""
    deadline = time.monotonic() + JOIN_S
    while True:
        try:
            return Channel(_connected(group))
        except OSError as error:
            if time.monotonic() > deadline:
                raise UserError(
                    f"{group}: expected node 0 to listen at {group.endpoint} within "
                    f"{JOIN_S:g} s: {error.strerror or error}"
                ) from None
            time.sleep(_AGAIN_S)


def _connected(group: Group) -> socket.socket:
    """Connect to whoever listens; OSError where that is nobody but this very connection.

    Where the port is one that the kernel gives out, a connection to it on the own machine can be
    given it as its own end, and TCP connects it to itself.
    """
    link = socket.create_connection((group.host, group.port), _ANSWERED_S)
    if link.getsockname() == link.getpeername():
        link.close()
        raise ConnectionRefusedError("nobody listens there")
    return link


def machine() -> str:
    """Return a hash that tells whether two nodes are one machine, whatever network each is in."""
    booted = Path("/proc/sys/kernel/random/boot_id").read_text()
    return hashlib.sha256(booted.encode()).hexdigest()[:16]


def own_command(words: Sequence[str]) -> list[str]:
    """Return the words that every node is given alike, with no path of one machine in them."""
    kept: list[str] = []
    rest = iter(words)
    for word in rest:
        name, equals, _ = word.partition("=")
        if name not in _OF_A_NODE:
            kept.append(hidden(word))
        elif not equals:
            next(rest, None)
    return kept
