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

from bench.cases.case import Case, Plain
from bench.errors import UserError
from bench.sides.redaction import Redaction, without_devices, writable
from bench.sides.side import Side
from bench.system.cache import home
from bench.system.git import git, is_dirty
from bench.system.own import ROOT

_OF_EVERYONE = ("/", "/usr", "/usr/local")  # where the system's Python lies tells of nobody


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
    """Return a text of a program's without paths, names, and what tells one device from all others.

    What a `side` has in places of its own is named as if it were where it came from.
    """
    return without_devices(nameless(text, side))


def nameless(text: str, side: Side | None = None) -> str:
    """Make paths relative to the checkout (`.`), the environment or the home (`~`); hide names."""
    for secret, name in (*_of_side(side), *_replacements()):
        text = re.sub(rf"(?<![\w.-]){re.escape(secret)}(?![\w-])", lambda _: name, text)  # noqa: B023
    return writable(text)


def hidden(path: str) -> str:
    """Return a path as it is written where it must be found again; `shown` undoes it."""
    return _redaction().hide(path)


def shown(text: str) -> str:
    """Return the path that `hidden` was given."""
    return _redaction().show(text)


def published(case: Case, side: Side | None = None) -> Case:
    """Return the case as it is written: no path of this machine in it, and none lost.

    A module of a side's copy is named as if it were where it came from.
    """
    return _with_paths(case, _redaction().hide, side.origin(case.module) if side else case.module)


def at_work(case: Case, side: Side | None = None) -> dict[str, Any]:
    """Return the case as a worker gets it: plain, with paths as they are on this machine.

    A module is the side's own; files that the user gave are the same for every side.
    """
    found = _with_paths(case, _redaction().show, case.module)
    return asdict(replace(found, module=side.place(found.module)) if side else found)


def _with_paths(case: Case, change: Callable[[str], str], module: str) -> Case:
    """Change what may hold a path: the module, and values and options that are texts."""
    return replace(
        case,
        suite=change(case.suite),
        module=change(module),
        values=_each(change, case.values),
        options=_each(change, case.options),
    )


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
def _redaction() -> Redaction:
    folders = {
        ".": str(ROOT),
        "<env>": sys.prefix,
        "<python>": "" if sys.base_prefix in _OF_EVERYONE else sys.base_prefix,
        "~": str(home() or ""),
    }
    user = _user()
    names = {
        "<host>": socket.gethostname(),
        "<user>": "" if user == "root" else user,  # every machine's root tells nobody apart
    }
    return Redaction(
        {mark: folder for mark, folder in folders.items() if len(folder) > 1},
        {mark: name for mark, name in names.items() if len(name) > 1},
    )


def _replacements() -> list[tuple[str, str]]:
    """Pair what is hidden in any text with its mark, in the order in which it is looked for."""
    hidden = _redaction()
    pairs = [(folder, mark) for mark, folder in hidden.folders.items()]
    if "<python>" in hidden.folders:
        pairs.append((os.path.realpath(sys.base_prefix), "<python>"))
    return pairs + [(name, mark) for mark, name in hidden.names.items()]


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
