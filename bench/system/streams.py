"""Standard streams that never end a command: closed, cut, full, or of an encoding that lacks signs.

What is measured and judged does not depend on who reads it. A reader that leaves is no failure; a
full disk is one, told when the command has ended.
"""

from __future__ import annotations

import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from bench.system.text import NEAREST, register

NAMES = ("stdin", "stdout", "stderr")


class Outlet(io.RawIOBase):
    """A descriptor to write to; from the first failure on, what is written is dropped.

    `failure` is that failure, unless it is only that nobody reads any more.
    """

    def __init__(self, descriptor: int):
        self._descriptor = descriptor
        self._gone = False
        self.failure: OSError | None = None

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def write(self, data: Any) -> int:
        left = memoryview(data).cast("B")
        length = len(left)
        while left and not self._gone:
            left = left[self._write(left) :]
        return length

    def _write(self, data: memoryview) -> int:
        try:
            return os.write(self._descriptor, data)
        except BlockingIOError:  # whoever shares it does not want to wait; we do
            select.select([], [self._descriptor], [])
        except BrokenPipeError:
            self._gone = True
        except OSError as error:
            self._gone, self.failure = True, error
        return 0


@contextmanager
def settled() -> Iterator[list[Outlet]]:
    """Have three standard descriptors, and streams that cannot fail; yield the outlet of stdout.

    A stream that somebody has put in the place of the original stays as it is.
    """
    register()
    _open_missing()
    before = {name: getattr(sys, name) for name in NAMES[1:]}
    outlets: list[Outlet] = []
    for descriptor, name in enumerate(NAMES[1:], 1):
        if before[name] is getattr(sys, f"__{name}__"):
            outlet = Outlet(descriptor)
            setattr(sys, name, _stream(outlet, before[name]))
            outlets += [outlet] if descriptor == 1 else []
    try:
        yield outlets
    finally:
        for name, stream in before.items():
            getattr(sys, name).flush()
            setattr(sys, name, stream)


def _stream(outlet: Outlet, before: TextIO | None) -> TextIO:
    encoding = before.encoding if before else "utf-8"
    buffered = io.BufferedWriter(outlet)
    return io.TextIOWrapper(buffered, encoding, NEAREST, line_buffering=True)


def _open_missing() -> None:
    """Open what was closed: the next file to be opened would become a child's output."""
    for descriptor in range(len(NAMES)):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
