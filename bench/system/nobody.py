"""A user whom the system does not know has a home and a name all the same.

Libraries take both for granted and raise at their import, or where they look for a cache: in a
container that was started under a number, say.
"""

from __future__ import annotations

import getpass
import os

NO_HOME = "/nonexistent"  # what Debian's list of users says of those without one


def introduce() -> None:
    """Set `HOME` and `LOGNAME`, for this process and those below it, where nothing tells them."""
    if not os.path.isabs(os.path.expanduser("~")):
        os.environ["HOME"] = NO_HOME
    try:
        getpass.getuser()
    except (KeyError, OSError):
        os.environ["LOGNAME"] = str(os.getuid())
