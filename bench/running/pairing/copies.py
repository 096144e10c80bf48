"""Copies of a repository, one for each side: a revision as git has it, or the working tree as is.

They lie in a temporary folder and go with the comparison; see `bench.system.scratch` for what a
killed one leaves.
"""

from __future__ import annotations

import hashlib
import random
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.sides.side import Copy
from bench.system.git import check_out, git
from bench.system.own import ROOT


def copy_revision(repository: Path, commit: str, folder: Path) -> Copy:
    """Check a commit out into a folder."""
    folder.mkdir(parents=True)
    check_out(repository, commit, folder)
    return Copy(repository, folder)


def copy_working_tree(repository: Path, folder: Path) -> Copy:
    """Copy the working tree as it is: all files that git does not ignore, but run folders.

    A copy, so that an edit while it is measured changes nothing.
    """
    tracked = _listed(repository, "--cached")
    for name in [*tracked, *_but_runs(_listed(repository, "--others", "--exclude-standard"))]:
        source = repository / name
        if source.is_symlink() or source.is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, folder / name, follow_symlinks=False)
    return Copy(repository, folder)


def lay_alike(sources: Sequence[Path], targets: Sequence[Path]) -> None:
    """Copy what was made by other means, so that nothing but its content tells the sides apart.

    File by file in the order of names, and of each the sides in an order drawn by lot: where files
    lie on disk, in which order a folder has them, when they were written, is then no property of a
    side. Git's own files stay behind.
    """
    lot = random.Random()
    named = [{path.relative_to(source) for path in _files(source)} for source in sources]
    for name in sorted(set().union(*named)):
        sides = list(zip(sources, targets, named, strict=True))
        for source, target, own in lot.sample(sides, len(sides)):
            if name in own:
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source / name, target / name, follow_symlinks=False)


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        inside = path.relative_to(folder).parts[0] != ".git"
        if inside and (path.is_symlink() or path.is_file()):
            yield path


def _listed(repository: Path, *which: str) -> list[str]:
    return git(repository, "ls-files", "-z", *which).split("\0")[:-1]


def _but_runs(names: list[str]) -> list[str]:
    """Leave out what earlier runs have written: it may be a lot, and nobody imports it."""
    runs = {Path(name).parent for name in names if Path(name).name in ("run.json", "ab.json")}
    return [name for name in names if not runs & set(Path(name).parents)]


def root_in(copy: Copy) -> Path:
    """Return what workers import from: the copy, which has the present instrument in it.

    Where the repository is the user's own, and the instrument lies elsewhere, it stays there.
    """
    if not ROOT.is_relative_to(copy.repository):
        return ROOT
    return copy.folder / ROOT.relative_to(copy.repository)


def bring_instrument(copy: Copy) -> None:
    """Replace the instrument of a copy, if it has one, by the present one."""
    root = root_in(copy)
    if root == ROOT:
        return
    shutil.rmtree(root / "bench", ignore_errors=True)
    shutil.copytree(ROOT / "bench", root / "bench", ignore=shutil.ignore_patterns("__pycache__"))


def instrument_digest() -> str:
    """Return a digest of the instrument's own files, by which a change of it is seen."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "bench").rglob("*.py")):
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
