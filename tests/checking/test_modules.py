"""Modules as problems: every form of input and output, seeds, gradients, and true reasons."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bench.cases.problem import COPIED
from bench.checking.module import ModuleProblem, eager
from tests.attempted import Row, row


@dataclasses.dataclass(frozen=True)
class Made(ModuleProblem):
    """A problem of a module and inputs that a test hands in."""

    made: Any = nn.Identity
    given: Any = None

    def module(self) -> nn.Module:
        return self.made()

    def example(self) -> Any:
        return self.given() if self.given else (torch.randn(3, 8),)


class Net(nn.Module):
    """A layer, and what a function makes of its output."""

    def __init__(self, then: Callable[..., Any]):
        super().__init__()
        self.layer = nn.Linear(8, 8)
        self.then = then

    def forward(self, x: Tensor, **others: Any) -> Any:
        return self.then(self.layer(x), **others)


def module(then: Callable[..., Any], given: Any = None, build: Any = eager, **asked: str) -> Row:
    return row(Made(lambda: Net(then), given), build, **asked)


class Pair(NamedTuple):
    left: Tensor
    right: Tensor


@dataclasses.dataclass(frozen=True)
class Answer:
    logits: Tensor
    state: Any = None


class Cache:
    def __init__(self, keys: Tensor):
        self.keys, self.seen, self.device = keys, len(keys), keys.device


FORMS = [
    lambda y: (y, y * 2),
    lambda y: [y, [y * 2, None]],
    lambda y: {"a": y, "b": {"c": y.tanh(), "d": None}},
    lambda y: Pair(y, y.sin()),
    lambda y: Answer(y, (y, y.exp())),
    lambda y: Answer(y, Cache(y.cos())),
    lambda y: (y, y),
    lambda y: (y.float(), y.argmax(-1), y > 0),
    lambda y: (y, y[:0], torch.complex(y.float(), y.float())),
    lambda y: (y.detach(), y.sum()),
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("pass_", ["fwd", "fwd_bwd"])
def test_every_form_of_output_is_checked(form: Callable[..., Any], pass_: str) -> None:
    found = module(form, pass_=pass_)
    assert found.outcome == "ok", found.detail
    gradients = {"dx", "dparameters"} if pass_ == "fwd_bwd" else set()
    assert found.errors == {"out", *gradients}


def test_a_head_in_float32_is_right_in_a_bfloat16_module() -> None:
    assert module(lambda y: y.float(), dtype="bfloat16").outcome == "ok"


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        (lambda y: {"a": y, "b": y * 1.01}, "out.b: relative L2 error"),
        (lambda y: {"a": y, "b": y.double()}, "out.b: expected torch.float32, got torch.float64"),
        (lambda y: {"a": y}, "expected 2 tensors (out.a, out.b), got 1"),
    ],
)
def test_a_wrong_part_is_named_after_its_key(wrong: Any, complaint: str) -> None:
    def build(problem: Any, setting: Any) -> Any:
        network = problem.build(setting)
        network.then = wrong
        return lambda tensors: network(*tensors)

    found = module(lambda y: {"a": y, "b": y}, build=build)
    assert found.outcome == "incorrect"
    assert complaint in found.detail


def test_a_wrong_gradient_of_a_parameter_is_caught() -> None:
    def build(problem: Any, setting: Any) -> Any:
        network = problem.build(setting)
        network.layer.bias.register_hook(lambda gradient: gradient * 1.01)
        return lambda tensors: network(*tensors)

    found = module(lambda y: y, build=build, pass_="fwd_bwd")
    assert found.outcome == "incorrect"
    assert "dparameters: relative L2 error" in found.detail


def test_a_step_without_the_parameters_is_told_what_is_asked() -> None:
    found = module(lambda y: y, build=lambda problem, setting: lambda x: x[0] * 1, pass_="fwd_bwd")
    assert found.outcome == "unsupported"
    assert "expected a step that holds a module" in found.detail


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (lambda: torch.randn(3, 8), {"dx"}),
        (lambda: {"x": torch.randn(3, 8), "scale": torch.rand(8), "flag": True}, {"dx", "dscale"}),
        (lambda: {"x": torch.randn(3, 8), "index": torch.tensor([1, 0])}, {"dx"}),
        (
            lambda: {"x": torch.randn(3, 8), "more": {"bias": torch.rand(8), "none": None}},
            {"dx", "dmore.bias"},
        ),
    ],
)
def test_inputs_may_be_keywords_and_nested(given: Any, names: set[str]) -> None:
    def then(y: Tensor, **others: Any) -> Tensor:
        y = y * others["scale"] if "scale" in others else y
        y = y[others["index"]] if "index" in others else y
        return y + others["more"]["bias"] if "more" in others else y

    found = module(then, given, pass_="fwd_bwd")
    assert found.outcome == "ok", found.detail
    assert found.errors == {"out", "dparameters", *names}


def numpy_seeded() -> tuple[Tensor, ...]:
    return (torch.tensor(np.random.randn(3, 8), dtype=torch.float32) * random.random(),)


def unseeded() -> tuple[Tensor, ...]:
    return (torch.tensor(np.random.default_rng().normal(size=(3, 8)), dtype=torch.float32),)


def test_every_global_generator_is_seeded() -> None:
    class Drawn(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.from_numpy(np.random.randn(8)) * random.random())

        def forward(self, x: Tensor) -> Tensor:
            return x * self.weight

    assert row(Made(Drawn, numpy_seeded), eager).outcome == "ok"


def test_what_is_no_function_of_the_seed_is_told() -> None:
    found = module(lambda y: y, unseeded)
    assert found.outcome == "unsupported"
    assert found.detail.startswith("test_modules.py: Made.example() is not a function of the seed")

    def drawn() -> nn.Module:
        network = Net(lambda y: y)
        network.layer.weight.data.copy_(torch.from_numpy(np.random.default_rng().normal(size=8)))
        return network

    found = row(Made(drawn), eager)
    assert found.outcome == "unsupported"
    assert found.detail.startswith("test_modules.py: Made.module() is not a function of the seed")


class Remembers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(8))

    def forward(self, x: Tensor) -> Tensor:
        self.mean.mul_(0.9).add_(0.1 * x.mean(0))
        return x - self.mean


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (lambda: Net(lambda y: nn.functional.dropout(y, training=True)), "draws random numbers"),
        (Remembers, "a call changes the module's own 'mean'"),
        (lambda: Net(lambda y: "text"), "no tensor is in its str output"),
        (lambda: Net(lambda y: y / 0 * 0), "not finite everywhere in float64 either"),
        (lambda: Net(lambda y: torch.randint(9, (2,))), "draws random numbers"),
    ],
)
def test_what_has_no_one_answer_is_unsupported(made: Any, reason: str) -> None:
    found = row(Made(made), eager)
    assert found.outcome == "unsupported"
    assert reason in found.detail


@pytest.mark.parametrize("pass_", ["fwd", "fwd_bwd"])
@pytest.mark.parametrize("front", [nn.ReLU(inplace=True), nn.SiLU(inplace=True)])
def test_a_module_that_changes_its_inputs_gets_copies(pass_: str, front: nn.Module) -> None:
    found = row(Made(lambda: nn.Sequential(front, nn.Linear(8, 8))), eager, pass_=pass_)
    assert found.outcome == "ok", found.detail
    assert found.checked is not None
    assert found.checked.labels["inputs"] == COPIED


def test_a_cache_among_the_inputs_may_grow() -> None:
    class Appends(nn.Module):
        def forward(self, x: Tensor, past: list[Tensor]) -> Tensor:
            past.append(x)
            return torch.cat(past)

    found = row(Made(Appends, lambda: {"x": torch.randn(1, 8), "past": [torch.randn(2, 8)]}), eager)
    assert found.outcome == "ok", found.detail


def test_a_step_that_changes_inputs_where_the_module_does_not_is_incorrect() -> None:
    def build(problem: Any, setting: Any) -> Any:
        network = problem.build(setting)
        return lambda tensors: network(tensors[0].mul_(1.5) / 1.5)

    found = module(lambda y: y, build=build)
    assert found.outcome == "incorrect"
    assert "the step changed its inputs" in found.detail


def test_frozen_unused_and_inputless_gradients_accuse_nobody() -> None:
    class Partly(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table, self.unused = nn.Embedding(9, 8), nn.Linear(8, 8)
            self.frozen = nn.Linear(8, 8).requires_grad_(False)

        def forward(self, index: Tensor, ignored: Tensor) -> Tensor:
            return self.frozen(self.table(index))

    given = lambda: (torch.randint(9, (2, 3)), torch.randn(2))  # noqa: E731
    found = row(Made(Partly, given), eager, pass_="fwd_bwd")
    assert found.outcome == "ok", found.detail
    assert found.errors == {"out", "dignored", "dparameters"}


def test_whole_numbers_that_rounding_decides_cannot_be_checked() -> None:
    found = module(lambda y: (y * 1e4).round().to(torch.int64), dtype="bfloat16")
    assert found.outcome == "unsupported"
    assert "depends on rounding" in found.detail


def test_whole_numbers_that_differ_are_incorrect() -> None:
    def build(problem: Any, setting: Any) -> Any:
        network = problem.build(setting)
        return lambda tensors: (network(*tensors)[0], network(*tensors)[1] + 1)

    found = module(lambda y: (y, y.argmax(-1)), build=build)
    assert found.outcome == "incorrect"
    assert "out.1: 3 of 3 elements differ" in found.detail


def test_a_reference_that_cannot_be_is_told_as_that() -> None:
    def bits(y: Tensor) -> Tensor:
        return y.view(torch.int32).view(torch.float32) * 2

    found = module(bits)
    assert found.outcome == "unsupported"
    assert "not computable in float64: TypeError: bits are read as another" in found.detail
