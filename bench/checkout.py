"""The checkout a run was made from, and text that is fit to publish: no host, user or home."""

from __future__ import annotations

import getpass
import os
import re
import socket
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

from bench.cache import home
from bench.case import Case, Plain
from bench.errors import UserError
from bench.git import git, is_dirty
from bench.side import ROOT, Side


def git_state() -> dict[str, str | bool]:
    """Return commit and branch, and whether tracked files differ; {} without git."""
    try:
        return {
            "commit": git(ROOT, "rev-parse", "HEAD").strip(),
            "branch": git(ROOT, "rev-parse", "--abbrev-ref", "HEAD").strip(),
            "dirty": is_dirty(ROOT),
        }
    except UserError:
        return {}


def publishable(text: str, side: Side | None = None) -> str:
    """Make paths relative to the checkout (`.`), the environment or the home (`~`); hide names.

    What a `side` has in places of its own is named as if it were where it came from.
    """
    for secret, name in (*_of_side(side), *_replacements()):
        text = re.sub(rf"(?<![\w.-]){re.escape(secret)}(?![\w-])", lambda _: name, text)  # noqa: B023
    return text


def located(text: str, side: Side | None = None) -> str:
    """Undo `publishable` for a path, on the machine and for the user it was made by."""
    for secret, name in reversed(_replacements()):
        if name == ".":
            text = re.sub(r"^\.(?=/)", lambda _: secret, text)  # noqa: B023
        else:
            text = text.replace(name, secret)
    return side.place(text) if side else text


def published(case: Case, side: Side | None = None) -> Case:
    """Return the case as it is written: no path of this machine in it."""
    return replace(
        case,
        module=publishable(case.module, side),
        values=_each(publishable, case.values),
    )


def at_work(case: Case, side: Side | None = None) -> dict[str, Any]:
    """Return the case as a worker gets it: plain, with paths as they are on this machine.

    A module is the side's own; files that the user gave are the same for every side.
    """
    module = located(case.module, side)
    return asdict(replace(case, module=module, values=_each(located, case.values)))


def _of_side(side: Side | None) -> list[tuple[str, str]]:
    pairs = []
    if side and side.interpreter != sys.executable:
        pairs.append((str(Path(side.interpreter).parent.parent), "<env>"))
    if side and side.copy:
        pairs.append((str(side.copy.folder), str(side.copy.repository)))
    return [(secret, name) for secret, name in pairs if len(secret) > 1]


def _each(change: Callable[[str], str], values: dict[str, Plain]) -> dict[str, Plain]:
    return {n: change(value) if isinstance(value, str) else value for n, value in values.items()}


@cache
def _replacements() -> list[tuple[str, str]]:
    pairs = [
        (str(ROOT), "."),
        (sys.prefix, "<env>"),
        (sys.base_prefix, "<python>"),
        (os.path.realpath(sys.base_prefix), "<python>"),
        *([(str(at_home), "~")] if (at_home := home()) else []),
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
