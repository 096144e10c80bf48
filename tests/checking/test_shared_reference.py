"""References of a session: made once, whoever asks at the same time, and never half."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
import torch

from bench.checking.shared_reference import tensors_once_a_session
from bench.system.session_cache import FOLDER


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    return tmp_path


def test_every_dtype_and_shape_comes_back_as_it_was(session: Path) -> None:
    made = [
        torch.randn(3, 2, dtype=torch.float64),
        torch.randn(5).bfloat16(),
        torch.zeros(0),
        torch.randn(4, 6).t(),  # lies otherwise in memory
        torch.tensor(7),
    ]
    for _ in range(2):
        found = tensors_once_a_session("a", lambda: made)
        assert [t.dtype for t in found] == [t.dtype for t in made]
        assert all(torch.equal(a, b) for a, b in zip(found, made, strict=True))


def test_names_are_told_apart_and_each_is_made_once(session: Path) -> None:
    made: list[str] = []

    def make(name: str) -> list[torch.Tensor]:
        made.append(name)
        return [torch.tensor(len(made))]

    found = [int(tensors_once_a_session(n, lambda n=n: make(n))[0]) for n in "abba"]
    assert found == [1, 2, 2, 1]
    assert made == ["a", "b"]


def test_processes_that_ask_at_once_make_it_once(session: Path) -> None:
    """Ranks of a case do; the file they read is whole."""

    def make() -> list[torch.Tensor]:
        (session / f"made-{os.getpid()}").touch()
        time.sleep(0.2)
        return [torch.ones(1000)]

    pids = []
    for _ in range(4):
        pid = os.fork()
        if pid == 0:
            ok = bool(tensors_once_a_session("a", make)[0].sum() == 1000)
            os._exit(0 if ok else 1)
        pids.append(pid)
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids] == [0] * 4
    assert len(list(session.glob("made-*"))) == 1


def test_one_that_is_killed_leaves_it_to_the_next(session: Path) -> None:
    pid = os.fork()
    if pid == 0:
        tensors_once_a_session("a", lambda: os.kill(os.getpid(), signal.SIGKILL))  # type: ignore[arg-type, return-value]
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    assert float(tensors_once_a_session("a", lambda: [torch.tensor(2.0)])[0]) == 2.0


def test_what_fails_leaves_nothing(session: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        tensors_once_a_session("a", lambda: [torch.tensor(1 / 0)])
    assert not list(session.glob("*.pt"))


def test_without_a_session_it_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FOLDER, raising=False)
    numbers = iter([1, 2])
    again = [
        int(tensors_once_a_session("a", lambda: [torch.tensor(next(numbers))])[0]) for _ in range(2)
    ]
    assert again == [1, 2]
