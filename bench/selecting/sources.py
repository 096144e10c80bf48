"""Which source files a contestant is made of: its own, and all it imports beside the instrument."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from bench.system.own import ROOT

INSTRUMENT = f"{ROOT / 'bench'}{os.sep}"

# Text, not a syntax tree: this is done in every worker, and parsing would take longer than a fork.
_IMPORT = re.compile(
    r"^[ \t]*(?:from ([\w.]+) import (?:\(([^)]*)\)|([\w ,]+))|import ([\w.]+))", re.MULTILINE
)
# A package whose modules are imported by name; not one whose variants contest a problem, each of
# which is a contestant of its own.
_NAMED = re.compile(r'(?<!contested_by: ClassVar\[str\] = )"(\w+(?:\.\w+)+)"')


@cache
def hash_of(files: frozenset[Path]) -> str:
    """Hash these files and all they import from the checkout or from their own folders."""
    digest = hashlib.sha256()
    for _, content in sorted(_reached(files).items()):
        digest.update(content)
    return digest.hexdigest()[:12]


def _reached(files: frozenset[Path]) -> dict[Path, bytes]:
    """Return what these files and all that they import hold."""
    homes = (ROOT, *sorted({file.parent for file in files}))
    roots = {str(home): {entry.stem for entry in home.iterdir()} for home in homes}
    seen: dict[str, bytes] = {}
    todo = [str(file) for file in files]
    while todo:
        path = todo.pop()
        if path not in seen and not path.startswith(INSTRUMENT):
            seen[path] = Path(path).read_bytes()
            todo += _imported(seen[path].decode(errors="replace"), roots)
    return {Path(path): content for path, content in seen.items()}


def _imported(text: str, roots: dict[str, set[str]]) -> Iterator[str]:
    """Yield the files that a text imports, at any depth of its code, from roots with these names.

    Most imports are of libraries: looking for every one of them under every root would take longer
    than a fork, and so would a `Path` for every candidate.
    """
    for name in _NAMED.findall(text):
        for root in roots:
            yield from map(str, Path(root, name.replace(".", "/")).glob("*.py"))
    for package, wrapped, names, plain in _IMPORT.findall(text):
        home = (package or plain).replace(".", "/")
        inside = [f"{home}/{name}" for name in re.findall(r"\w+", wrapped or names)]
        for root in (root for root, names in roots.items() if home.partition("/")[0] in names):
            for stem in (home, *inside):
                for candidate in (f"{root}/{stem}.py", f"{root}/{stem}/__init__.py"):
                    if os.path.isfile(candidate):
                        yield candidate
