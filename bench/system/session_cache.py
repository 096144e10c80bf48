"""What several attempts of one session need, and only one of them has to compute."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

FOLDER = "TOUCHSTONE_SESSION"  # the variable that names a session's own folder, to its workers


def once_a_session(name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what `make` returns, plain data, from the first attempt of a session that asked.

    `name` must tell everything that it depends on besides the sources, which a session holds fixed.
    Where there is no session it is made anew.
    """
    folder = os.environ.get(FOLDER)
    if not folder:
        return make()
    path = Path(folder) / f"once-{hashlib.sha256(name.encode()).hexdigest()[:16]}.json"
    if not path.exists():
        partial = path.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps(make()))
        partial.rename(path)  # whole, whoever else makes it meanwhile, or is killed
    found: dict[str, Any] = json.loads(path.read_text())
    return found
