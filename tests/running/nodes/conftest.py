"""Two ends of a connection, as a leader and a follower have them."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from bench.running.nodes.channel import Channel


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Channel]]:
    with socket.create_server(("127.0.0.1", 0)) as door:
        one = socket.create_connection(door.getsockname())
        other, _ = door.accept()
    with one, other:
        yield Channel(one), Channel(other)
