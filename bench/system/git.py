"""Git, asked about the repository of the current directory; nothing is written into it."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from bench.errors import UserError
from bench.system.own import ROOT

# Inside a hook these point to the repository that the hook is of, whatever -C says.
_INHERITED = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")


# Git reads no repository of another user's, whose settings could name commands to run. This one's
# code is running already: whoever runs it trusts it. A look at the state takes no lock and writes
# no index: somebody may be committing.
_SETTINGS = ("--no-optional-locks", "-c", f"safe.directory={ROOT}")


class Distrusted(UserError):
    """Git heeds no repository of another user's; the message ends with git's way to allow it."""


def git(folder: Path, *words: str, variables: Mapping[str, str] = MappingProxyType({})) -> str:
    """Run git in a folder and return what it says; UserError with its last line where it fails."""
    environment = {k: v for k, v in os.environ.items() if k not in _INHERITED} | {"LC_ALL": "C"}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *_SETTINGS, *words],
            capture_output=True,
            env={**environment, **variables},
        )
    except FileNotFoundError as error:
        raise UserError("cannot run git; a revision needs it") from error
    if done.returncode != 0:
        said = os.fsdecode(done.stderr).strip().splitlines()
        if any("safe.directory" in line for line in said):
            raise Distrusted(f"{folder} is in another user's repository; {said[-1].strip()}")
        raise UserError(f"git {words[0]}: {(said or [f'status {done.returncode}'])[-1]}")
    return os.fsdecode(done.stdout)  # names of files are any bytes


def repository(folder: Path) -> Path | None:
    """Return the top folder of the working tree that a folder lies in; None outside of any."""
    try:
        return Path(git(folder, "rev-parse", "--show-toplevel").rstrip("\n")).resolve()
    except Distrusted:
        raise
    except UserError:
        return None


def commit_of(top: Path, words: str) -> str | None:
    """Return the hash of the commit that a revision names; None where it names none."""
    try:
        return git(top, "rev-parse", "--verify", "--quiet", f"{words}^{{commit}}").strip()
    except UserError:
        return None


def check_out(top: Path, commit: str, folder: Path) -> None:
    """Lay the files of a commit into an empty folder, as git would into the working tree.

    By an index of its own: neither the repository's files nor its list of worktrees change, so that
    one that cannot be written to will do.
    """
    with tempfile.TemporaryDirectory() as name:
        apart = {"GIT_WORK_TREE": str(folder), "GIT_INDEX_FILE": str(Path(name) / "index")}
        whole = ("-c", "core.sparseCheckout=false")
        git(top, *whole, "read-tree", "--reset", "-u", commit, variables=apart)


def is_dirty(top: Path) -> bool:
    """Say whether tracked files differ from the commit that is checked out."""
    return bool(git(top, "status", "--porcelain", "--untracked-files=no"))
