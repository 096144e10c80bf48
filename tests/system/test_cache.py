"""Where things are kept: variables that are empty or relative, and users without a home."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from bench.judging.noise_file import kept, noise_path
from bench.sides.checkout import publishable
from bench.system import cache


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("TOUCHSTONE_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "home").mkdir()
    (tmp_path / "shared").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(cache, "HOMELESS", (tmp_path / "shared",))


def nobody(_uid: int) -> None:
    raise KeyError("no such user")


@pytest.mark.parametrize("value", ["", "relative/folder", "."])
def test_an_empty_or_relative_xdg_cache_home_counts_as_unset(
    value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", value)
    monkeypatch.setenv("TOUCHSTONE_CACHE", "")
    monkeypatch.chdir(tmp_path)
    assert cache.cache_folder() == tmp_path / "home" / ".cache" / "touchstone"
    assert not (tmp_path / "relative").exists()


def test_the_tools_own_variable_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.cache_folder() == tmp_path / "xdg" / "touchstone"
    monkeypatch.setenv("TOUCHSTONE_CACHE", "~/mine")
    assert cache.cache_folder() == tmp_path / "home" / "mine"


@pytest.mark.parametrize("value", [None, "", "relative", "/nowhere/at/all"])
def test_without_a_home_there_is_a_folder_all_the_same(
    value: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    monkeypatch.delenv("HOME")
    if value is not None:
        monkeypatch.setenv("HOME", value)
    found = cache.cache_folder()
    assert found == tmp_path / "shared" / f"touchstone-{os.getuid()}"
    assert found.stat().st_mode & 0o077 == 0
    assert publishable("a/path") == "a/path"
    assert not Path("/nowhere").exists()


def test_a_trap_in_a_shared_folder_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may write there could have made a link, or a folder that others write to."""
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    monkeypatch.delenv("HOME")
    shared, other = tmp_path / "shared", tmp_path / "other"
    other.mkdir()
    monkeypatch.setattr(cache, "HOMELESS", (shared, other))
    trap = shared / f"touchstone-{os.getuid()}"
    trap.symlink_to(tmp_path / "home")
    assert cache.cache_folder().parent == other
    trap.unlink()
    trap.mkdir()
    trap.chmod(0o777)
    assert cache.cache_folder().parent == other


def test_where_nothing_can_be_made_reading_finds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TOUCHSTONE_CACHE", str(tmp_path / "file" / "inside"))
    assert kept_or_refused(noise_path("machine", "cpu"))


def kept_or_refused(path: Path) -> bool:
    from bench.errors import UserError

    try:
        return kept(path) == []
    except UserError as error:
        return "cannot read" in str(error)
