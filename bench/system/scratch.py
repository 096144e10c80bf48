"""Temporary folders that last as long as their process: what a killed one left, the next removes.

The owner holds a lock on its folder, which the kernel frees however the owner ends; whether a
process has got its number since does not matter. A folder of another user's, a link, and whatever
is of another name is left alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "touchstone-scratch-"
ELSEWHERE = (Path("/var/tmp"), Path("/tmp"))

_PLAIN = re.compile(r"[\w@%+=:,./-]+", re.ASCII)  # what a shell takes for one word


def temporary() -> Path:
    """Return the temporary folder; another where its name needs quotes.

    torch hands names of files to compilers as they are, and a space ends a word there.
    """
    asked = Path(tempfile.gettempdir())
    if _PLAIN.fullmatch(str(asked)):
        return asked
    others = (place for place in ELSEWHERE if os.access(place, os.W_OK | os.X_OK))
    return next(others, asked)


@contextmanager
def scratch(kind: str) -> Iterator[Path]:
    """Yield an empty folder of this process in the temporary folder, and remove it."""
    parent = temporary()
    for left in parent.glob(f"{PREFIX}*"):
        remove_orphan(left)
    folder, lock = _owned(parent, kind)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def remove_orphan(folder: Path) -> None:
    """Remove a folder if it is this user's and its owner has ended."""
    with contextlib.suppress(OSError):  # it is held, or not ours, or another removes it
        lock = _locked(folder)
        try:
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(lock)


def _owned(parent: Path, kind: str) -> tuple[Path, int]:
    """Make a folder and lock it; another one where it was taken for an orphan in between."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{kind}-", dir=parent)).resolve()
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        with contextlib.suppress(OSError):  # where folders take no locks, nobody removes any either
            fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists() and folder.stat().st_ino == os.fstat(lock).st_ino:
            return folder, lock
        os.close(lock)


def _locked(folder: Path) -> int:
    """Return a lock on a folder of this user's that nobody holds; OSError where there is none."""
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(lock).st_uid != os.getuid():
            raise PermissionError(f"{folder} is another user's")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(lock)
        raise
    return lock
