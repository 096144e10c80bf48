"""What a process wrote to its log, as much of it as is worth keeping."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

KEPT_BYTES = 1 << 16  # of a log: half of its beginning, half of its end
_OF_A_MARK = 256  # bytes left for the line that tells what was left out


def read_log(path: Path, most: int = KEPT_BYTES) -> str:
    """Read a log; where it is longer than `most` bytes, leave out its middle and say so."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        if size <= most:
            return stream.read().decode(errors="replace")
        begun = stream.read(most // 2).decode(errors="replace")
        stream.seek(size - most // 2)
        ended = stream.read(most // 2).decode(errors="replace")
    return f"{begun}{_mark(size - 2 * (most // 2))}{ended}"


def _mark(cut: int) -> str:
    return f"\n[… {cut} bytes are left out here …]\n"


class Listener:
    """Reads what a worker says from a pipe into its log, which never holds more than is kept.

    A step that prints at every call fills a pipe, not a disk. What comes first is in the log at
    once, what comes last when the worker has ended. A log that cannot be written costs itself only.
    """

    def __init__(self, log: str, most: int = KEPT_BYTES):
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.reader, False)
        self.at_end = False
        self._half = (most - _OF_A_MARK) // 2
        self._begun = self._cut = 0
        self._ended = bytearray()
        try:
            self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        except OSError:
            self._log = os.open(os.devnull, os.O_WRONLY)

    def listen(self) -> bool:
        """Take in some of what was said; say whether there was any."""
        try:
            said = os.read(self.reader, 1 << 16)
        except BlockingIOError:
            return False
        self.at_end = not said
        begun = said[: self._half - self._begun]
        self._begun += len(begun)
        self._write(begun)
        self._ended += said[len(begun) :]
        over = max(len(self._ended) - self._half, 0)
        self._cut += over
        del self._ended[:over]
        return bool(said)

    def close(self) -> None:
        """Write down what came last, and how much was left out before it."""
        while self.listen():
            pass
        os.close(self.reader)
        self._write((_mark(self._cut).encode() if self._cut else b"") + self._ended)
        os.close(self._log)

    def _write(self, said: bytes) -> None:
        with contextlib.suppress(OSError):
            os.write(self._log, said)
