"""Copies that `bench ab` makes: of a revision, of a working tree, both laid out alike."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.running.pairing.copies import copy_revision, copy_working_tree, lay_alike
from bench.system import git
from tests.running.users_repository import NEW, OLD, Repository


def test_a_revision_is_checked_out_and_nothing_of_the_repository_changes(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "mine")
    (repository.folder / "has space é").mkdir()
    (repository.folder / "has space é" / "run.sh").write_text("exit\n")
    (repository.folder / "has space é" / "run.sh").chmod(0o755)
    (repository.folder / "link").symlink_to("mine.py")
    commit = repository.commit(mine=OLD)
    repository.commit(mine=NEW)
    repository.git("config", "core.sparseCheckout", "true")  # only some of it is wanted there
    (repository.folder / ".git" / "info").mkdir(exist_ok=True)
    (repository.folder / ".git" / "info" / "sparse-checkout").write_text("/nothing\n")
    hook = repository.folder / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"touch '{tmp_path}/hooked'\n")
    hook.chmod(0o755)

    def state() -> dict[Path, tuple[int, int]]:
        return {
            path: (path.lstat().st_mtime_ns, path.lstat().st_size)
            for path in (repository.folder, *repository.folder.rglob("*"))
        }

    before = state()
    copy_revision(repository.folder, commit, tmp_path / "A")
    assert state() == before
    names = sorted(str(path.relative_to(tmp_path / "A")) for path in (tmp_path / "A").rglob("*"))
    assert names == ["has space é", "has space é/run.sh", "link", "mine.py"]
    assert os.access(tmp_path / "A" / "has space é" / "run.sh", os.X_OK)
    assert os.readlink(tmp_path / "A" / "link") == "mine.py"
    assert (tmp_path / "A" / "mine.py").read_text() == OLD
    assert not (tmp_path / "hooked").exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a repository to another user")
def test_another_users_repository_is_named_as_such_unless_it_is_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = Repository(tmp_path / "mine")
    commit = repository.commit(mine=OLD)
    for path in (repository.folder, *repository.folder.rglob("*")):
        os.chown(path, 12345, 12345)
    with pytest.raises(UserError, match=r"another user's repository; .*safe.directory"):
        git.repository(repository.folder)
    monkeypatch.setattr(git, "_SETTINGS", ("-c", f"safe.directory={repository.folder}"))
    assert git.repository(repository.folder) == repository.folder
    assert git.commit_of(repository.folder, "HEAD") == commit
    copy_revision(repository.folder, commit, tmp_path / "A")
    assert (tmp_path / "A" / "mine.py").read_text() == OLD


def test_the_working_tree_is_copied_as_it_is(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "mine")
    (repository.folder / ".gitignore").write_text("ignored.py\n")
    repository.commit(mine=OLD, gone=OLD)
    (repository.folder / "mine.py").write_text(NEW)
    (repository.folder / "untracked.py").write_text(NEW)
    (repository.folder / "ignored.py").write_text(NEW)
    (repository.folder / "gone.py").unlink()
    (repository.folder / "runs" / "one" / "logs").mkdir(parents=True)
    (repository.folder / "runs" / "one" / "run.json").touch()
    (repository.folder / "runs" / "one" / "logs" / "log.txt").touch()
    copy = copy_working_tree(repository.folder, tmp_path / "copy")
    assert sorted(path.name for path in copy.folder.iterdir()) == [
        ".gitignore",
        "mine.py",
        "untracked.py",
    ]
    assert (copy.folder / "mine.py").read_text() == NEW


def test_both_sides_are_laid_out_alike(tmp_path: Path) -> None:
    """Nothing but content tells copies apart: not Git's files, nor who was written first."""
    repository = Repository(tmp_path / "mine")
    (repository.folder / "folder").mkdir()
    (repository.folder / "folder" / "deep.txt").write_text("deep")
    (repository.folder / "run.sh").write_text("#!/bin/sh\n")
    (repository.folder / "run.sh").chmod(0o755)
    (repository.folder / "link").symlink_to("run.sh")
    commit = repository.commit(**{f"mine{i}": OLD for i in range(12)}, old=OLD)
    (repository.folder / "old.py").unlink()
    (repository.folder / "new.py").write_text(NEW)
    sources = [tmp_path / "from-A", tmp_path / "from-B"]
    copy_revision(repository.folder, commit, sources[0])
    copy_working_tree(repository.folder, sources[1])
    targets = [tmp_path / "A", tmp_path / "B"]
    lay_alike(sources, targets)
    a, b = ({p.relative_to(t) for t in [target] for p in t.rglob("*")} for target in targets)
    assert {str(path) for path in a ^ b} == {"old.py", "new.py"}
    assert not (targets[0] / ".git").exists()
    for target in targets:
        assert (target / "link").is_symlink()
        assert (target / "run.sh").stat().st_mode & 0o111
        assert (target / "folder" / "deep.txt").read_text() == "deep"


def test_which_side_a_file_is_copied_to_first_is_drawn_by_lot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources, targets = ([tmp_path / f"{kind}-{x}" for x in "AB"] for kind in ("from", "to"))
    for source in sources:
        source.mkdir()
        for number in range(40):
            (source / f"{number:02}.py").touch()
    written: list[Path] = []
    monkeypatch.setattr(shutil, "copy", lambda source, target, **_: written.append(target))
    lay_alike(sources, targets)
    first = written[::2]
    assert [path.name for path in first] == sorted(path.name for path in first)
    assert {path.parent for path in first} == set(targets)
