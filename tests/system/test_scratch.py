"""What a killed process left in the temporary folder goes; what anyone holds, or made, stays."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.running.session import fresh_cache
from bench.system import scratch as scratch_module
from bench.system.scratch import PREFIX, remove_orphan, scratch
from tests import children


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def owner() -> tuple[int, Path]:
    """Start a process that holds a folder with something in it; return it and the folder."""
    reader, writer = os.pipe()

    def work() -> None:
        with scratch("test") as folder:
            (folder / "deep" / "er").mkdir(parents=True)
            (folder / "deep" / "cache.bin").write_bytes(b"1")
            os.write(writer, str(folder).encode())
            signal.pause()

    pid = children.start(work)
    os.close(writer)
    folder = Path(os.read(reader, 4096).decode())
    os.close(reader)
    return pid, folder


@pytest.fixture
def living() -> Iterator[tuple[int, Path]]:
    pid, folder = owner()
    yield pid, folder
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def test_a_folder_goes_with_its_context(temporary: Path) -> None:
    with scratch("test") as folder:
        (folder / "file").touch()
        assert folder.parent == temporary
    assert not list(temporary.iterdir())


def test_what_a_killed_process_left_is_removed_by_the_next_start(temporary: Path) -> None:
    pid, folder = owner()
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert (folder / "deep" / "cache.bin").exists()
    with scratch("test"):
        assert not folder.exists()


def test_what_a_living_process_holds_stays(temporary: Path, living: tuple[int, Path]) -> None:
    _, folder = living
    with scratch("test"):
        assert (folder / "deep" / "cache.bin").exists()
    remove_orphan(folder)
    assert (folder / "deep" / "cache.bin").exists()


def test_only_folders_of_its_name_are_removed_and_no_link_is_followed(temporary: Path) -> None:
    precious = temporary / "precious"
    precious.mkdir()
    (precious / "file").touch()
    (temporary / f"{PREFIX}link").symlink_to(precious)
    (temporary / f"{PREFIX}file").touch()
    (temporary / "touchstone-older").mkdir()
    orphan = temporary / f"{PREFIX}orphan"
    orphan.mkdir()
    (orphan / "link").symlink_to(precious)
    with scratch("test"):
        pass
    left = sorted(path.name for path in temporary.iterdir())
    assert left == sorted(["precious", f"{PREFIX}link", f"{PREFIX}file", "touchstone-older"])
    assert (precious / "file").exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder to another user")
def test_a_folder_of_another_user_is_left_alone(temporary: Path) -> None:
    foreign = temporary / f"{PREFIX}foreign"
    foreign.mkdir()
    os.chown(foreign, 12345, 12345)
    with scratch("test"):
        pass
    assert foreign.exists()


@pytest.mark.parametrize("odd", ["has space", "é", "a;b", "$(x)", "it's"])
def test_where_the_temporary_folder_needs_quotes_it_is_another(
    odd: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torch's compiler would take such a path for several words."""
    (tmp_path / odd).mkdir()
    (tmp_path / "plain").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / odd))
    monkeypatch.setattr(scratch_module, "ELSEWHERE", (tmp_path / "none", tmp_path / "plain"))
    left = tmp_path / "plain" / f"{PREFIX}orphan"
    left.mkdir()
    with scratch("test") as folder:
        assert folder.parent == tmp_path / "plain"
        assert not left.exists()
    assert not list((tmp_path / "plain").iterdir())


def test_where_temporary_files_lie_instead_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("has space", "plain"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(scratch_module, "ELSEWHERE", (tmp_path / "plain",))
    said = []
    for name in ("plain", "has space"):
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / name))
        with fresh_cache() as cache:
            assert cache.parent == tmp_path / "plain"
        said.append(capsys.readouterr().err)
    assert said[0] == ""
    assert said[1].strip().endswith(f"temporary files lie in {tmp_path}/plain")
    assert len(said[1].splitlines()) == 1
