"""Code that a run folder names and that is neither the checkout's nor installed."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable
from importlib.machinery import ModuleSpec
from pathlib import Path

from bench.cases.case import Case
from bench.errors import UserError
from bench.sides.checkout import at_work
from bench.system.git import git
from bench.system.own import ROOT


def code_outside(cases: Iterable[Case]) -> list[str]:
    """Return the files and modules that these cases would run from elsewhere; nothing is imported.

    A file counts as the checkout's where git tracks it: a folder that came by mail may lie in it.
    """
    named = {name for case in cases for name in (at_work(case)["module"], *case.preload)}
    return sorted(name for name in named if not _known(name))


def _known(name: str) -> bool:
    if name.endswith(".py"):
        return _tracked(name)
    try:
        spec = importlib.util.find_spec(name.partition(".")[0])
    except (ImportError, ValueError, AttributeError):
        return True  # it is nowhere, and cannot be run
    return spec is None or _installed(spec)


def _tracked(path: str) -> bool:
    if not Path(path).is_absolute():
        return False  # which folder it is relative to, no one can say
    try:
        git(ROOT, "--literal-pathspecs", "ls-files", "--error-unmatch", "--", path)
    except (UserError, ValueError):  # ValueError: a null byte
        return False
    return True


def _installed(spec: ModuleSpec) -> bool:
    """Say whether a module is built in, the checkout's, or a library of this Python."""
    places = spec.submodule_search_locations or [spec.origin or ""]
    roots = [ROOT / "bench", ROOT / "suites", *map(Path, (sys.prefix, sys.base_prefix))]
    within = [any(Path(place).is_relative_to(root) for root in roots) for place in places]
    return spec.origin in ("built-in", "frozen") or all(within)
