"""Copies of a repository, one for each side: a revision as git has it, or the working tree as is.

They lie in a temporary folder and go with the comparison; see `bench.scratch` for what a killed one
leaves, of which git has noted down the copies that are worktrees.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.git import git
from bench.scratch import PREFIX, remove_orphan, scratch
from bench.side import ROOT, Copy


@contextmanager
def copies_folder(repository: Path) -> Iterator[Path]:
    """Yield an empty folder for copies; remove it with all worktrees in it, whatever happens."""
    with scratch("sides") as folder:
        _forget_worktrees(repository)
        try:
            yield folder
        finally:
            _remove_worktrees(repository, folder)


def copy_revision(repository: Path, commit: str, folder: Path) -> Copy:
    """Check a commit out into a folder, as a worktree of the repository."""
    git(repository, "worktree", "add", "--quiet", "--detach", str(folder), commit)
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


def _forget_worktrees(repository: Path) -> None:
    """Remove what lies in folders of the dead, wherever; have git forget what is gone."""
    ours = [path for path in _worktrees(repository) if path.parent.name.startswith(PREFIX)]
    for path in ours:
        remove_orphan(path.parent)
        if not path.parent.exists():
            git(repository, "worktree", "remove", "--force", "--force", str(path))


def _remove_worktrees(repository: Path, folder: Path) -> None:
    for path in _worktrees(repository):
        if path.parent == folder:
            git(repository, "worktree", "remove", "--force", "--force", str(path))


def _worktrees(repository: Path) -> list[Path]:
    lines = git(repository, "worktree", "list", "--porcelain").splitlines()
    return [Path(line.removeprefix("worktree ")) for line in lines if line.startswith("worktree ")]
