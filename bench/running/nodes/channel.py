"""One node's connection to another: messages are lines of JSON, which no message can make act."""

from __future__ import annotations

import json
import select
import socket
import time
from typing import Any

from bench.system.text import decodable

Message = dict[str, Any]

# A machine that lost its power or its network says nothing more: the kernel asks for it.
_SILENT_S, _ASKED_EVERY_S, _TIMES = 10, 5, 4
_LONGEST = 1 << 30  # bytes of a message; traces of ranks are the largest


class Gone(Exception):
    """The other node has left: it ended, or cannot be reached any more."""


class Channel:
    """A connection; use `send` and `receive`, and `fileno` to wait for what comes."""

    def __init__(self, link: socket.socket):
        self._link, self._read = link, bytearray()
        link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in (
            (socket.TCP_KEEPIDLE, _SILENT_S),
            (socket.TCP_KEEPINTVL, _ASKED_EVERY_S),
            (socket.TCP_KEEPCNT, _TIMES),
            (socket.TCP_USER_TIMEOUT, 1000 * (_SILENT_S + _ASKED_EVERY_S * _TIMES)),
            (socket.TCP_NODELAY, 1),
        ):
            link.setsockopt(socket.IPPROTO_TCP, option, value)
        link.settimeout(None)

    @property
    def address(self) -> str:
        """Return this machine's address, as the other node reaches it."""
        address: str = self._link.getsockname()[0]
        return address

    @property
    def waiting(self) -> bool:
        """Say whether a whole message has been read and not been received yet."""
        return b"\n" in self._read

    def fileno(self) -> int:
        return self._link.fileno()

    def close(self) -> None:
        self._link.close()

    def send(self, message: Message) -> None:
        """Send a message; Gone where nobody gets it."""
        try:
            self._link.sendall(json.dumps(message).encode() + b"\n")
        except OSError as error:
            raise Gone from error

    def receive(self, timeout_s: float | None = None, most: int = _LONGEST) -> Message:
        """Sleep until a message has come; Gone where none comes, or it is none."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while not self.waiting:
            left = None if deadline is None else max(deadline - time.monotonic(), 0)
            ready, _, _ = select.select([self._link], [], [], left)
            chunk = self._chunk() if ready else b""
            if not chunk or len(self._read) > most:
                raise Gone
            self._read += chunk
        line, _, rest = bytes(self._read).partition(b"\n")
        self._read = bytearray(rest)
        return _decoded(line)

    def _chunk(self) -> bytes:
        try:
            return self._link.recv(1 << 20)
        except OSError as error:
            raise Gone from error


def _decoded(line: bytes) -> Message:
    try:
        found = decodable(json.loads(line))
    except ValueError as error:
        raise Gone from error
    if not isinstance(found, dict):
        raise Gone
    return found
