"""Git, asked about the repository of the current directory."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from bench.errors import UserError

# Inside a hook these point to the repository that the hook is of, whatever -C says.
_INHERITED = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")


def git(folder: Path, *words: str) -> str:
    """Run git in a folder and return what it says; UserError with its last line where it fails."""
    try:
        done = subprocess.run(
            # a checkout made to measure it must run no hook of the user's
            ["git", "-C", str(folder), "-c", f"core.hooksPath={os.devnull}", *words],
            capture_output=True,
            env={k: v for k, v in os.environ.items() if k not in _INHERITED},
        )
    except FileNotFoundError as error:
        raise UserError("cannot run git; a revision needs it") from error
    if done.returncode != 0:
        said = os.fsdecode(done.stderr).strip().splitlines()
        raise UserError(f"git {words[0]}: {(said or [f'status {done.returncode}'])[-1]}")
    return os.fsdecode(done.stdout)  # names of files are any bytes


def repository(folder: Path) -> Path | None:
    """Return the top folder of the working tree that a folder lies in; None outside of any."""
    try:
        return Path(git(folder, "rev-parse", "--show-toplevel").rstrip("\n")).resolve()
    except UserError:
        return None


def commit_of(top: Path, words: str) -> str | None:
    """Return the hash of the commit that a revision names; None where it names none."""
    try:
        return git(top, "rev-parse", "--verify", "--quiet", f"{words}^{{commit}}").strip()
    except UserError:
        return None


def is_dirty(top: Path) -> bool:
    """Say whether tracked files differ from the commit that is checked out."""
    return bool(git(top, "status", "--porcelain", "--untracked-files=no"))
