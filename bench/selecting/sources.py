"""Which source files a contestant is made of: its own, and all it imports beside the instrument."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from bench.system.own import ROOT

INSTRUMENT = ROOT / "bench"

# Text, not a syntax tree: this is done in every worker, and parsing would take longer than a fork.
_IMPORT = re.compile(
    r"^[ \t]*(?:from ([\w.]+) import (?:\(([^)]*)\)|([\w ,]+))|import ([\w.]+))", re.MULTILINE
)
_NAMED = re.compile(r'"(\w+(?:\.\w+)+)"')  # a package whose modules are imported by name


@cache
def hash_of(files: frozenset[Path]) -> str:
    """Hash these files and all they import from the checkout or from their own folders."""
    digest = hashlib.sha256()
    for found in sorted(_reached(files)):
        digest.update(found.read_bytes())
    return digest.hexdigest()[:12]


def _reached(files: frozenset[Path]) -> set[Path]:
    homes = (ROOT, *sorted({file.parent for file in files}))
    roots = {home: {entry.stem for entry in home.iterdir()} for home in homes}
    seen: set[Path] = set()
    todo = list(files)
    while todo:
        path = todo.pop()
        if path not in seen and not path.is_relative_to(INSTRUMENT):
            seen.add(path)
            todo += _imported(path, roots)
    return seen


def _imported(path: Path, roots: dict[Path, set[str]]) -> Iterator[Path]:
    """Yield the files that a file imports, at any depth of its code, from roots with these names.

    Most imports are of libraries: looking for every one of them under every root would take longer
    than a fork.
    """
    text = path.read_text(encoding="utf-8", errors="replace")  # any encoding: names are ASCII
    for name in _NAMED.findall(text):
        for root in roots:
            yield from (root / name.replace(".", "/")).glob("*.py")
    for package, wrapped, names, plain in _IMPORT.findall(text):
        home = (package or plain).replace(".", "/")
        inside = [f"{home}/{name}" for name in re.findall(r"\w+", wrapped or names)]
        for root in (root for root, names in roots.items() if home.partition("/")[0] in names):
            for stem in (home, *inside):
                for candidate in (root / f"{stem}.py", root / stem / "__init__.py"):
                    if candidate.is_file():
                        yield candidate
