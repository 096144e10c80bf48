"""The checkout a run was made from, and text that is fit to publish: no host, user or home."""

from __future__ import annotations

import getpass
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

from bench.case import Case, Plain
from bench.side import ROOT


def git_state() -> dict[str, str | bool]:
    """Return commit and branch, and whether tracked files differ; {} without git."""
    commit = _git("rev-parse", "HEAD")
    if commit is None:
        return {}
    return {
        "commit": commit,
        "branch": _git("rev-parse", "--abbrev-ref", "HEAD") or "",
        "dirty": bool(_git("status", "--porcelain", "--untracked-files=no")),
    }


def _git(*words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(ROOT), *words], capture_output=True, text=True, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def publishable(text: str) -> str:
    """Make paths relative to the checkout (`.`), the environment or the home (`~`); hide names."""
    for secret, name in _replacements():
        text = re.sub(rf"(?<![\w.-]){re.escape(secret)}(?![\w-])", name, text)
    return text


def located(text: str) -> str:
    """Undo `publishable` for a path, on the machine and for the user it was made by."""
    for secret, name in reversed(_replacements()):
        if name == ".":
            text = re.sub(r"^\.(?=/)", lambda _: secret, text)  # noqa: B023
        else:
            text = text.replace(name, secret)
    return text


def published(case: Case) -> Case:
    """Return the case as it is written: no path of this machine in it."""
    return replace(case, module=publishable(case.module), values=_each(publishable, case.values))


def at_work(case: Case) -> dict[str, Any]:
    """Return the case as a worker gets it: plain, with paths as they are on this machine."""
    here = replace(case, module=located(case.module), values=_each(located, case.values))
    return asdict(here)


def _each(change: Callable[[str], str], values: dict[str, Plain]) -> dict[str, Plain]:
    return {n: change(value) if isinstance(value, str) else value for n, value in values.items()}


@cache
def _replacements() -> list[tuple[str, str]]:
    pairs = [
        (str(ROOT), "."),
        (sys.prefix, "<env>"),
        (sys.base_prefix, "<python>"),
        (os.path.realpath(sys.base_prefix), "<python>"),
        (str(Path.home()), "~"),
        (socket.gethostname(), "<host>"),
    ]
    user = _user()
    if user and user != "root":  # the name of every machine's root tells nobody apart
        pairs.append((user, "<user>"))
    return [(secret, name) for secret, name in pairs if len(secret) > 1]


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
