"""What the time role holds to the check: a timed call's own output, and a stateful step's start."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from bench.cases.case import Case
from bench.cases.problem import Call, Incorrect, Problem, Verdict
from bench.cases.setting import Setting
from bench.checking.fingerprint import fingerprint
from bench.workers.contest import Contest
from bench.workers.roles import ROLES

CASE = Case("made_up", "counter", "no_module", "Counting", {})


class Counting(Problem):
    """Add how often the step was called since its reset."""

    def make_inputs(self, seed: int, setting: Setting) -> Tensor:
        return torch.full((64,), float(seed))

    def call(self, step: Any, setting: Setting) -> Call:
        return lambda inputs: (step(inputs),)

    def check(self, call: Call, inputs: Any, setting: Setting) -> Verdict:
        return Verdict()


class Counter:
    """A step with a state: right only in the first call after a reset."""

    def __init__(self) -> None:
        self.calls = self.calls_before_reset = 0

    def reset(self) -> None:
        self.calls_before_reset += self.calls
        self.calls = 0

    def step(self, inputs: Tensor) -> Tensor:
        self.calls += 1
        return inputs + self.calls


def contest(built: Any) -> Contest:
    problem, setting = Counting(), Setting.of(CASE)
    right = [[fingerprint(problem.make_inputs(seed, setting) + 1)] for seed in range(2)]
    call = problem.call(built.step, setting)
    return Contest(
        CASE, problem, setting, built, built.step, call, 2, 1e-4, 0, right, [(1e-6, 1e-6)]
    )


def test_a_stateful_step_is_held_by_its_first_timed_call_and_one_more() -> None:
    built = Counter()
    ROLES["time"](contest(built))
    assert built.calls == 1  # one step from the start: another for every set would cost too much


def test_a_first_timed_call_that_is_wrong_is_found() -> None:
    class WrongAtFirst(Counter):
        def step(self, inputs: Tensor) -> Tensor:
            return super().step(inputs) + (self.calls_before_reset == 0)

    with pytest.raises(Incorrect, match="differs from the checked one"):
        ROLES["time"](contest(WrongAtFirst()))


def test_a_reset_that_restores_nothing_is_found() -> None:
    class Forgetful(Counter):
        def reset(self) -> None:
            pass

    with pytest.raises(Incorrect, match="differs from the checked one"):
        ROLES["time"](contest(Forgetful()))
