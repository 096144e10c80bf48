"""One run per device, whatever the environment, the user and the folders of a process are."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.cases.case import Case
from bench.errors import UserError
from bench.running import lock
from bench.running.identity import names_of
from bench.running.lock import device_lock
from tests import children, fake_nvml


@pytest.fixture(autouse=True)
def folders(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, Path]]:
    """Put the fixed folders elsewhere, and take a name that no other test has."""
    with tempfile.TemporaryDirectory(dir="/tmp") as parent:  # where every user gets to
        Path(parent).chmod(0o711)
        found = Path(parent) / "shm", Path(parent) / "run"
        for folder in found:
            folder.mkdir()
            folder.chmod(0o1777)
        monkeypatch.setattr(lock, "FOLDERS", tuple(map(str, found)))
        monkeypatch.setattr(lock, "PREFIX", Path(parent).name)
        yield found


def no_socket(_name: str, _wait: bool) -> None:
    return None


def in_another_process(work: Callable[[], None]) -> bool:
    """Say whether another process may do this."""

    def told() -> int:
        try:
            work()
        except UserError as error:
            return 1 if "another run is measuring" in str(error) else 2
        return 0

    code = children.end(children.start(told))
    assert code in (0, 1)
    return code == 0


def take(device: str = "cpu") -> None:
    with device_lock(device, wait=False):
        pass


def take_as(uid: int, mask: int = 0o022) -> None:
    os.umask(mask)
    os.setuid(uid)
    take()


def test_a_second_run_is_refused_and_a_third_may_follow() -> None:
    with device_lock("cpu", wait=False):
        assert not in_another_process(take)
    assert in_another_process(take)


def test_an_environment_of_its_own_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with device_lock("cpu", wait=False):
        for name in ("TMPDIR", "TMP", "TEMP", "HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"):
            monkeypatch.setenv(name, str(tmp_path))
        assert not in_another_process(take)


@pytest.mark.parametrize("shared", ["first folder", "second folder", "network"])
def test_one_place_in_common_is_enough(
    shared: str, folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = [str(tmp_path / "own-1"), str(tmp_path / "own-2")]
    with device_lock("cpu", wait=False):
        if shared == "first folder":
            own[0] = str(folders[0])
        if shared == "second folder":
            own[1] = str(folders[1])
        if shared != "network":
            monkeypatch.setattr(lock, "_bind", no_socket)
        monkeypatch.setattr(lock, "FOLDERS", tuple(own))
        for folder in own:
            Path(folder).mkdir(exist_ok=True)
        assert not in_another_process(take)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize(("first", "second"), [(0, 12345), (12345, 0), (12345, 54321)])
def test_users_see_each_other(
    first: int, second: int, monkeypatch: pytest.MonkeyPatch, folders: tuple[Path, Path]
) -> None:
    """A file that another user has made, under a mask that hides it, is locked all the same."""
    monkeypatch.setattr(lock, "_bind", no_socket)
    assert in_another_process(lambda: take_as(first, mask=0o077))
    path = folders[0] / f"{lock.PREFIX}-cpu.lock"
    assert path.stat().st_uid == first
    with device_lock("cpu", wait=False):
        assert not in_another_process(lambda: take_as(second))
    assert in_another_process(lambda: take_as(second))


@pytest.mark.parametrize("trap", ["link", "dangling link", "fifo", "folder", "unreadable"])
def test_what_others_put_there_does_no_harm(
    trap: str, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    path, precious = folders[0] / f"{lock.PREFIX}-cpu.lock", tmp_path / "precious"
    precious.write_text("as it was")
    if trap == "link":
        path.symlink_to(precious)
    elif trap == "dangling link":
        path.symlink_to(tmp_path / "made-by-a-link")
    elif trap == "fifo":
        os.mkfifo(path)
    elif trap == "folder":
        path.mkdir()
    else:
        path.touch(mode=0)
    with device_lock("cpu", wait=False):
        assert not in_another_process(take)
    assert precious.read_text() == "as it was"
    assert not (tmp_path / "made-by-a-link").exists()


def test_without_any_place_nothing_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "_bind", no_socket)
    monkeypatch.setattr(lock, "FOLDERS", (str(tmp_path / "nowhere"),))
    with pytest.raises(UserError, match="no place for a lock: expected to read or write in"):
        take()


@pytest.mark.parametrize("by", ["files", "socket"])
def test_who_waits_gets_it_and_death_frees_it(by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if by == "socket":
        monkeypatch.setattr(lock, "FOLDERS", ())
        monkeypatch.setattr(lock, "POLL_S", 0.01)
    reader, writer = os.pipe()

    def hold() -> None:
        with device_lock("cpu", wait=False):
            os.write(writer, b"1")
            signal.pause()

    def wait() -> None:
        with device_lock("cpu", wait=True):
            pass

    holder = children.start(hold)
    os.read(reader, 1)
    assert not in_another_process(take)
    waiter = children.start(wait)
    time.sleep(0.05)
    assert os.waitpid(waiter, os.WNOHANG) == (0, 0)
    os.kill(holder, signal.SIGKILL)
    os.waitpid(holder, 0)
    assert children.end(waiter) == 0
    for descriptor in (reader, writer):
        os.close(descriptor)


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(sys.modules, "pynvml", fake_nvml)
    monkeypatch.setenv("FAKE_NVML", json.dumps([{"uuid": "GPU-aa"}, {"uuid": "GPU-bb"}]))
    for name in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"):
        monkeypatch.delenv(name, raising=False)
    return


def of_ranks(ranks: int) -> Case:
    return Case("s", "v", "m", "P", {}, device="cuda:0", ranks=ranks)


@pytest.mark.usefixtures("two_gpus")
def test_a_gpu_is_locked_by_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = names_of("cuda:0"), names_of("cuda:1")
    assert first != second
    assert "GPU-aa" not in f"{first} {second}"
    assert names_of("cuda:0", [of_ranks(2)]) == sorted([*first, *second])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,0")
    assert (names_of("cuda:0"), names_of("cuda:1")) == (second, first)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-bb")
    assert names_of("cuda:0") == second


@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CUDA_VISIBLE_DEVICES", "MIG-1234"),
        ("CUDA_VISIBLE_DEVICES", "GPU-zz"),  # of no GPU that is here
        ("CUDA_DEVICE_ORDER", "FASTEST_FIRST"),
    ],
)
def test_where_it_cannot_be_told_which_gpu_all_are_locked(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = sorted([*names_of("cuda:0"), *names_of("cuda:1")])
    monkeypatch.setenv(name, value)
    assert names_of("cuda:0") == both


@pytest.mark.usefixtures("two_gpus")
def test_a_gpu_that_has_fallen_off_the_bus_is_not_the_others_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    second = names_of("cuda:1")
    gone = {"uuid": "GPU-aa", "refuses": ["handle"]}
    monkeypatch.setenv("FAKE_NVML", json.dumps([gone, {"uuid": "GPU-bb"}]))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-bb")
    assert names_of("cuda:0") == second
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-aa")
    assert names_of("cuda:0") == second  # it cannot be told which one: all that answer
    monkeypatch.setenv("FAKE_NVML", json.dumps([gone]))
    assert names_of("cuda:0") == ["cuda-0"]


def test_names_without_nvml_and_of_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", fake_nvml)
    monkeypatch.setenv("FAKE_NVML", "[]")
    assert names_of("cuda:1") == ["cuda-1"]
    assert names_of("cpu", [Case("s", "v", "m", "P", {}, ranks=4)]) == ["cpu"]


@pytest.mark.usefixtures("two_gpus")
def test_other_devices_are_free() -> None:
    with device_lock("cuda:0", wait=False):
        assert not in_another_process(lambda: take("cuda:0"))
        assert in_another_process(lambda: take("cuda:1"))
        assert in_another_process(take)
