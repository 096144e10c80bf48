"""No step of ours waits for the device while it is timed, but where its method has to.

Counted on a simulated device, whose tensors know where they are: the CPU's own reads of numbers
that a GPU run keeps on the host (an optimizer's count of steps) are none. What a library does of
its own accord (diffusers' schedulers) is its variant's cost, and no fault of the instrument.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from bench.cases.problem import Call, Problem
from bench.cases.setting import Setting
from bench.cases.variant import Unsupported, Variant
from bench.timing.clocks import ranks
from bench.timing.phases import PhasedClock, Phases
from suites.precision.policy import Policy
from suites.precision.problem import GPTTraining
from tests.simulated_device import DEVICE, Simulated, simulated
from tests.suites.test_variants import FOUND

ROOT = Path(__file__).resolve().parents[2]
OURS = (str(ROOT / "bench"), str(ROOT / "suites"))

# Loss scaling has to know, once a step, whether any gradient overflowed.
NEEDED = {"fp16_scaled": 1}
# The first knows no device but those that it has kernels for. Of torchao, products are of a kind of
# tensor of its own, which calls operators out of the simulation's sight; the optimizer is compiled,
# which the compiler refuses under any simulation.
NOT_SIMULATED = ("flex", "fp8", "adamw_8bit")
ALONE = [
    param
    for param in FOUND
    if 1 in param.values[1].problem_type.ranks and param.values[1].name not in NOT_SIMULATED
]


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulated]:
    with simulated(monkeypatch) as found:
        yield found


def set_up(variant: Variant) -> tuple[Call, object]:
    """Return the call of the first example that a variant takes, in its longest pass; and inputs.

    Skips where it takes none.
    """
    kind: type[Problem] = variant.problem_type
    setting = Setting(getattr(torch, kind.dtypes[0]), DEVICE, kind.passes[-1])
    for problem in (kind(**example) for example in kind.examples):
        with suppress(Unsupported):
            return _made(problem, variant.build(problem, setting, variant.options), setting)
    pytest.skip("not for one process, or not for this device")


def _made(problem: Problem, built: Any, setting: Setting) -> tuple[Call, object]:
    step = Phases(built) if hasattr(built, "phases") else getattr(built, "step", built)
    inputs = problem.make_inputs(0, setting)
    getattr(built, "reset", lambda: None)()
    return problem.call(step, setting), inputs


@pytest.mark.parametrize(("suite", "variant"), ALONE)
def test_a_timed_step_waits_for_nothing_of_ours(
    suite: str, variant: Variant, device: Simulated
) -> None:
    with torch.set_grad_enabled(variant.problem_type.passes[-1] != "fwd"):
        call, inputs = set_up(variant)
        call(inputs)  # what is made once is no part of a steady step
        device.waits.clear()
        call(inputs)
    ours = [wait for wait in device.waits if wait.file.startswith(OURS)]
    assert len(ours) == NEEDED.get(variant.name, 0), ours
    if suite != "samplers":
        assert ours == device.waits


class ReadsTheScale(Policy):
    """A policy that asks for its loss scale in every step, to see whether it was skipped."""

    def update(self) -> None:
        before = self.scale()
        super().update()
        self.fell = self.scale() < before


def test_a_policy_that_looks_at_its_scale_is_found(device: Simulated) -> None:
    problem = GPTTraining(**GPTTraining.examples[0])
    setting = Setting(torch.float32, DEVICE, "train")
    policy = ReadsTheScale(problem, setting, compute=torch.float16, scaled=True)
    call, inputs = _made(problem, policy, setting)
    call(inputs)
    device.waits.clear()
    call(inputs)
    assert len([wait for wait in device.waits if wait.file.startswith(OURS)]) == 3


def test_every_suite_is_counted() -> None:
    assert {param.values[0] for param in ALONE} == {param.values[0] for param in FOUND}


# --- the simulation itself ---


def read_back(x: Tensor) -> object:
    return x.sum().item()


WAITING: dict[str, Callable[[Tensor], object]] = {
    "a number": read_back,
    "a float": lambda x: float(x[0]),
    "a decision": lambda x: bool(x.sum() > 0),
    "a list": lambda x: x.tolist(),
    "a copy to the host": lambda x: x.cpu(),
    "a copy into the host's": lambda x: torch.empty(4).copy_(x),
    "a tensor made of numbers": lambda x: torch.tensor([1.0, 2.0], device=x.device),
    "new of numbers": lambda x: torch.ones(3).to(x.device),
    "a mask": lambda x: x[x > 0],
    "a mask to write by": lambda x: x.clone().index_put_((x > 0,), x[:0].sum()),
    "where": lambda x: (x > 0).nonzero(),
    "equal": lambda x: torch.equal(x, x),
}
QUEUED: dict[str, Callable[[Tensor], object]] = {
    "arithmetic": lambda x: (x + 1).square().mean(),
    "a factor of the host": lambda x: torch.tensor(2.0) * x,
    "a factory": lambda x: torch.randn(4, device=x.device),
    "new_full": lambda x: x.new_full((), 2.0),
    "a copy there": lambda x: x.clone().copy_(x),
    "a cast": lambda x: x.to(torch.bfloat16),
    "a queued copy": lambda x: torch.ones(4).to(x.device, non_blocking=True),
    "where of both": lambda x: torch.where(x > 0, x, 0.0),
    "an index": lambda x: x[torch.arange(2, device=x.device)],
    "the host's own": lambda x: torch.ones(3).sum().item(),
}


@pytest.mark.parametrize("what", WAITING)
def test_what_waits_is_found(what: str, device: Simulated) -> None:
    x = torch.arange(4.0).to(DEVICE)
    device.waits.clear()
    WAITING[what](x)
    assert len(device.waits) == 1
    assert device.waits[0].file == __file__


@pytest.mark.parametrize("what", QUEUED)
def test_what_is_queued_is_not_accused(what: str, device: Simulated) -> None:
    x = torch.arange(4.0).to(DEVICE)
    device.waits.clear()
    QUEUED[what](x)
    assert device.waits == []


def test_numbers_are_right_there(device: Simulated) -> None:
    x = torch.arange(6.0).reshape(2, 3).to(DEVICE).requires_grad_()
    (x @ x.T).sum().backward()
    assert x.grad is not None
    assert x.grad.cpu().tolist() == [[6.0, 10.0, 14.0], [6.0, 10.0, 14.0]]
    assert x.device == DEVICE


@pytest.mark.parametrize(
    "mixes",
    [
        lambda x: x + torch.ones(4),
        lambda x: torch.nn.functional.linear(x, torch.ones(2, 4)),
        lambda x: torch.cat([x, torch.ones(4)]),
        lambda x: torch.where(torch.ones(4) > 0, x, x),
    ],
)
def test_tensors_of_two_devices_do_not_mix(
    mixes: Callable[[Tensor], object], device: Simulated
) -> None:
    with pytest.raises(RuntimeError, match="on one device"):
        mixes(torch.arange(4.0).to(DEVICE))


# --- marks of phases in ranks ---


class RankDevice:
    """Counts when ranks wait for their GPU, and gives out events."""

    def __init__(self) -> None:
        self.log: list[str] = []

    def synchronize(self, _: object) -> None:
        self.log.append("wait")


class Stepping:
    """A step of three phases."""

    def __init__(self, log: list[str]):
        self.log = log

    def phases(self, _: object) -> Iterator[str]:
        for name in ("forward", "backward", "optimizer"):
            self.log.append(name)
            yield name
        return ("out",)


def test_ranks_wait_before_a_sample_and_after_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    there = RankDevice()
    event = SimpleNamespace(elapsed_time=lambda _: 2.0)
    fake = SimpleNamespace(
        device=torch.device,
        float64=torch.float64,
        tensor=lambda value, **_: torch.tensor(value, dtype=torch.float64),
        cuda=SimpleNamespace(synchronize=there.synchronize),
    )
    agree = SimpleNamespace(
        barrier=lambda: there.log.append("barrier"),
        all_reduce=lambda *_: there.log.append("agree"),
        broadcast=lambda *_: there.log.append("agree"),
        ReduceOp=SimpleNamespace(MAX=None),
    )
    monkeypatch.setattr(ranks, "torch", fake)
    monkeypatch.setattr(ranks, "dist", agree)
    monkeypatch.setattr(ranks, "marked", lambda: there.log.append("mark") or event)
    step = Phases(Stepping(there.log))
    clock = PhasedClock(ranks.RankClock("cuda:0", "warm"), step)
    there.log.clear()
    times, _ = clock.sample(lambda inputs: (step(inputs),), [None] * 3)
    counted = Counter(there.log)
    assert counted["wait"] == 2
    assert counted["mark"] == 3 * 4
    begun = there.log.index("barrier")
    assert there.log[: begun + 1] == ["wait", "barrier"]
    assert there.log[-2:] == ["wait", "agree"]  # agreeing on the time is no part of it
    assert times["forward"] == times["optimizer"] == pytest.approx(2e-3)
