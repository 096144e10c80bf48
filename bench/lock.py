"""One run per device at a time: a second one waits, or leaves with one line."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.errors import UserError


@contextmanager
def device_lock(device: str, wait: bool) -> Iterator[None]:
    """Hold the device's lock; the kernel frees it when this process ends, however it ends."""
    path = Path(tempfile.gettempdir()) / f"touchstone-{device.replace(':', '-')}.lock"
    descriptor = _open(path)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise UserError(
                f"another run is measuring on {device}, and two would disturb each other; "
                "wait for it with --wait"
            ) from None
        yield
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except PermissionError:  # another user's file: reading is enough to lock it
        return os.open(path, os.O_RDONLY)
    return descriptor
