"""Is a question about a module well posed: weights of a seed, one answer to equal inputs?"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from bench.cases.problem import COPIED, Problem
from bench.cases.seeded import GENERATORS, generator_states, moved
from bench.cases.setting import Setting
from bench.cases.tensors import copied, flat, same
from bench.cases.variant import Unsupported
from bench.checking.form import Part
from bench.checking.operator import Operands

_ROUNDINGS = 64  # in L2: threads may add up in another order


class OfAModule(Protocol):
    """A problem that a module answers."""

    def build(self, setting: Setting) -> nn.Module:
        """Return the module in evaluation mode, in the setting's dtype, on its device."""

    def form(self, setting: Setting) -> list[Part]:
        """Return what each tensor of its output is like."""


def expect_function_of_seed(problem: Problem, inputs: Any, setting: Setting) -> None:
    """Draw the first set of inputs again; raise `Unsupported` where it is another one."""
    if not same(inputs, problem.make_inputs(0, setting)):
        raise Unsupported(not_a_function(problem, problem.drawn_by))


def not_a_function(problem: object, method: str) -> str:
    """Say that equal seeds gave different draws, and how to mend it."""
    home = Path(inspect.getsourcefile(type(problem)) or "").name
    return (
        f"{home}: {type(problem).__name__}.{method} is not a function of the seed: expected equal "
        f"draws from equal seeds, of {GENERATORS}; a generator of its own needs a fixed seed"
    )


def expect_well_posed(problem: OfAModule, operands: Operands, setting: Setting) -> dict[str, str]:
    """Run a module twice on equal inputs; raise `Unsupported` where it has no one answer.

    Return the label that asks for copies, where it changes its inputs.
    """
    network = problem.build(setting)
    before = copied(state_of(network))
    if not same(before, state_of(problem.build(setting))):
        raise Unsupported(not_a_function(problem, "module()"))
    generators = generator_states()
    first, changed = _run(network, operands)
    drawn = moved(generators)
    second, _ = _run(network, operands)
    if [tuple(part.shape) for part in first] != [part.shape for part in problem.form(setting)]:
        raise Unsupported("cannot be checked: the form of its output depends on the seed")
    if not _agree(first, second):
        raise Unsupported(_why(network, before, drawn))
    return {"inputs": COPIED} if changed else {}


def state_of(network: nn.Module) -> dict[str, Tensor]:
    """Return parameters and buffers by name, those that are not saved among them."""
    return {**dict(network.named_parameters()), **dict(network.named_buffers())}


def _run(network: nn.Module, operands: Operands) -> tuple[list[Tensor], bool]:
    """Run on a copy of the inputs; return copies of outputs, and whether the inputs changed."""
    given = copied(operands.tensors)
    with torch.no_grad():
        output = network(**given) if isinstance(given, dict) else network(*given)
    return copied(flat(output)), not same(operands.tensors, given)


def _agree(first: list[Tensor], second: list[Tensor]) -> bool:
    return len(first) == len(second) and all(map(_close, first, second))


def _close(a: Tensor, b: Tensor) -> bool:
    if same(a, b):
        return True
    if not a.is_floating_point() or a.shape != b.shape:
        return False
    allowed = _ROUNDINGS * torch.finfo(a.dtype).eps * b.double().norm()
    return bool((a.double() - b.double()).norm() <= allowed)


def _why(network: nn.Module, before: dict[str, Tensor], drawn: bool) -> str:
    if drawn:
        return (
            "not deterministic: the module draws random numbers in forward, though in evaluation "
            "mode, so that equal inputs have no one answer"
        )
    now = state_of(network)
    changed = [name for name, tensor in before.items() if not same(tensor, now[name])]
    if changed:
        return f"not a function of its inputs: a call changes the module's own '{changed[0]}'"
    return "not deterministic: two eager calls on equal inputs give different outputs"
