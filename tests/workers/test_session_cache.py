"""What attempts of one session share is made once, and never outlives it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.cases.setting import Setting
from bench.system.session_cache import FOLDER, once_a_session
from suites.precision import learning
from suites.precision.policy import Policy
from suites.precision.problem import GPTTraining


def test_it_is_made_once_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    made: list[str] = []

    def make(name: str) -> dict[str, object]:
        made.append(name)
        return {"losses": [1.5, float(len(made))]}

    first = once_a_session("a", lambda: make("a"))
    assert once_a_session("a", lambda: make("a")) == first == {"losses": [1.5, 1.0]}
    assert once_a_session("b", lambda: make("b")) == {"losses": [1.5, 2.0]}
    assert made == ["a", "b"]
    assert len(list(tmp_path.glob("*.json"))) == 2  # nothing half written is left
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".lock"}


def test_what_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    with pytest.raises(ZeroDivisionError):
        once_a_session("a", lambda: {"x": 1 / 0})
    assert not [path for path in tmp_path.iterdir() if path.suffix == ".json"]
    assert once_a_session("a", lambda: {"x": 1}) == {"x": 1}


def test_without_a_session_it_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FOLDER, raising=False)
    numbers = iter([1, 2])
    assert once_a_session("a", lambda: {"x": next(numbers)}) == {"x": 1}
    assert once_a_session("a", lambda: {"x": next(numbers)}) == {"x": 2}


def test_float32_is_trained_once_a_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setenv(FOLDER, str(tmp_path))
    trained: list[int] = []
    really = learning._train

    def counted(problem, policy, seed, *others):
        trained.append(seed)
        return really(problem, policy, seed, *others)

    monkeypatch.setattr(learning, "_train", counted)
    problem = GPTTraining(batch=2, seqlen=8, num_layers=1, num_heads=2, dim=16, num_steps=2)
    setting = Setting(torch.float32, torch.device("cpu"), "train")
    alone = [learning.learn(problem, Policy(problem, setting), 0, setting) for _ in range(3)]
    assert trained == [0, 0, 0, 0]  # three policies, and float32 once
    assert alone[0] == alone[1] == alone[2]
    learning.learn(problem, Policy(problem, setting), 1, setting)
    assert trained[4:] == [1, 1]
