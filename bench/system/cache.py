"""Where things are kept that are dear to make and the same for every run."""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

# of users without a home to write to; not $TMPDIR, which is another in every process
HOMELESS = (Path("/var/tmp"), Path("/tmp"))


def cache_folder() -> Path:
    """Return `$TOUCHSTONE_CACHE`, by default `~/.cache/touchstone`; made if it can be.

    An empty variable counts as unset, and so does a relative `$XDG_CACHE_HOME`, as its
    specification says. Without a home that can be written to, it is one folder a user in /var/tmp.
    """
    places = [*_asked()][:1] or [*_by_default()]
    return next((place for place in places if _made(place)), places[0])


def home() -> Path | None:
    """Return the user's home; None where neither `$HOME` nor the list of users names one."""
    try:
        found = Path(os.environ.get("HOME") or pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return None
    return found if found.is_absolute() else None


def _asked() -> Iterator[Path]:
    if own := os.environ.get("TOUCHSTONE_CACHE"):
        yield Path(os.path.expanduser(own)).absolute()
    if (shared := Path(os.environ.get("XDG_CACHE_HOME", ""))).is_absolute():
        yield shared / "touchstone"


def _by_default() -> Iterator[Path]:
    at_home = home()
    if at_home is not None and at_home.is_dir():
        yield at_home / ".cache" / "touchstone"
    for parent in HOMELESS:
        yield parent / f"touchstone-{os.getuid()}"


def _made(folder: Path) -> bool:
    """Make a folder where it is not there; say whether it can be written to by its owner alone."""
    shared = folder.parent in HOMELESS
    try:
        folder.mkdir(mode=0o700 if shared else 0o777, parents=True, exist_ok=True)
        return os.access(folder, os.W_OK | os.X_OK) and (not shared or _ours_alone(folder))
    except OSError:
        return False


def _ours_alone(folder: Path) -> bool:
    """Say whether a folder in a place that everybody writes to is no trap of another user's."""
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022
