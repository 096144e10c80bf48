"""Where things are kept that are dear to make and the same for every run."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return `$TOUCHSTONE_CACHE`, by default `~/.cache/touchstone`; made if it is not there."""
    default = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "touchstone"
    folder = Path(os.environ.get("TOUCHSTONE_CACHE", default)).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    return folder
