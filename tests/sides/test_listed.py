"""What is listed is kept until anything that it was made from has changed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.selecting.seen import states
from bench.sides import listed
from bench.sides.listed import Listed
from bench.system.cache import cache_folder

REQUEST: dict[str, Any] = {"selectors": ["suite"], "files": {}, "preset": "smoke"}


class Lister:
    """Answers from a file, and counts how often."""

    def __init__(self, *seen: Path):
        self.seen, self.asked = seen, 0

    def list_cases(self, request: dict[str, Any]) -> dict[str, Any]:
        self.asked += 1
        told = {"seen": [str(path) for path in self.seen]} if request.get("watched") else {}
        return {"cases": [{"number": self.asked}], "said": "", **told}


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file that was written a while ago; what is kept is kept beside it."""
    monkeypatch.setenv("TOUCHSTONE_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "sources" / "suite.py"
    path.parent.mkdir()
    path.write_text("one = 1")
    for aged in (path, path.parent):
        os.utime(aged, ns=(10**18, 10**18))
    return path


def ask(lister: Lister, **changes: Any) -> int:
    """Return how often the lister had been asked when this was answered."""
    answer = Listed(lister).list_cases({**REQUEST, **changes})  # type: ignore[arg-type]
    number: int = answer["cases"][0]["number"]
    return number


def test_the_same_is_answered_once(source: Path) -> None:
    lister = Lister(source, source.parent)
    assert [ask(lister), ask(lister)] == [1, 1]
    assert ask(lister, preset="quick") == 2
    assert ask(lister) == 1


def edit(source: Path) -> None:
    source.write_text("two = 2")


def edit_and_keep_the_length(source: Path) -> None:
    source.write_text("one = 2")


def remove(source: Path) -> None:
    source.unlink()


def add_another(source: Path) -> None:
    (source.parent / "another.py").write_text("")


@pytest.mark.parametrize("change", [edit, edit_and_keep_the_length, remove, add_another])
def test_any_change_lists_anew(source: Path, change: Any) -> None:
    lister = Lister(source, source.parent)
    ask(lister)
    change(source)
    assert ask(lister) == 2


def test_another_variable_or_folder_lists_anew(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lister = Lister(source)
    ask(lister)
    monkeypatch.setenv("OF_A_SUITE", "1")
    assert ask(lister) == 2
    monkeypatch.chdir(source.parent)
    assert ask(lister) == 3


def test_what_was_edited_meanwhile_is_not_kept(source: Path) -> None:
    lister = Lister(source)
    os.utime(source, ns=(2 * 10**18, 2 * 10**18))
    assert [ask(lister), ask(lister)] == [1, 2]


def test_files_of_the_user_are_never_kept(source: Path) -> None:
    lister = Lister(source)
    plain = {"selectors": ["mine.py"]}, {"files": {"data": "x"}}
    assert [ask(lister, **one) for one in plain for _ in range(2)] == [1, 2, 3, 4]


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"answer": {}, "seen": {}}'])
def test_a_damaged_one_is_listed_anew(source: Path, damage: bytes) -> None:
    lister = Lister(source)
    ask(lister)
    (path,) = (cache_folder() / "listings").glob("*.json")
    path.write_bytes(damage)
    assert ask(lister) == 2


def test_the_oldest_go(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listed, "MOST", 2)
    lister = Lister(source)
    for preset in ("smoke", "quick", "full"):
        ask(lister, preset=preset)
    assert len(list((cache_folder() / "listings").iterdir())) == 2
    assert ask(lister, preset="full") == 3


def test_a_watch_sees_files_folders_and_modules(tmp_path: Path) -> None:
    """In a process of its own: a watch cannot be undone."""
    (tmp_path / "imported.py").write_text("")
    (tmp_path / "data.txt").write_text("")
    (tmp_path / "folder").mkdir()
    code = (
        "import sys; from bench.selecting.seen import Watch; watch = Watch()\n"
        f"sys.path.insert(0, {str(tmp_path)!r}); import imported, os\n"
        f"os.listdir({str(tmp_path / 'folder')!r}); open({str(tmp_path / 'data.txt')!r}).close()\n"
        "open('/proc/self/stat').close(); print(*watch.seen(), sep='\\n')"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seen = told.stdout.splitlines()
    expected = [tmp_path / name for name in ("imported.py", "data.txt", "folder", ".")]
    assert {str(path) for path in expected} <= set(seen)
    assert not [path for path in seen if "__pycache__" in path or path.startswith("/proc")]
    assert states(seen) == states(seen)
