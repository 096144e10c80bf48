"""What several attempts of one session need, and only one of them has to compute."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FOLDER = "TOUCHSTONE_SESSION"  # the variable that names a session's own folder, to its workers


def once_a_session(name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what `make` returns, plain data, from the first attempt of a session that asked.

    `name` must tell everything that it depends on besides the sources, which a session holds fixed.
    Where there is no session it is made anew.
    """
    path = made_once(name, ".json", lambda partial: _write(partial, make()))
    if path is None:
        return make()
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def made_once(name: str, suffix: str, write: Callable[[Path], None]) -> Path | None:
    """Return the session's file of this name, written first if nobody has; None without a session.

    Whoever asks while another writes waits for it: ranks of one case ask at the same time.
    """
    folder = os.environ.get(FOLDER)
    if not folder:
        return None
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    path = Path(folder) / f"once-{digest}{suffix}"
    with _alone(Path(folder) / f"once-{digest}.lock"):
        if not path.exists():
            partial = path.with_suffix(f".{os.getpid()}")
            write(partial)
            partial.rename(path)  # whole, whoever is killed meanwhile
    return path


def _write(path: Path, data: dict[str, Any]) -> None:
    path.write_text(json.dumps(data))


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Hold a lock that ends with the process."""
    with lock.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
