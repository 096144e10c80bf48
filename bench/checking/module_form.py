"""What a module is like when it is run: its output's form, its arguments, what it trains."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from bench.cases.setting import Setting
from bench.cases.tensors import leaves_of, replaced
from bench.cases.variant import Unsupported
from bench.checking.form import Part, form_of

_COMPILED = "_orig_mod."  # what torch.compile puts before the names of parameters


@dataclass(frozen=True)
class ModuleForm:
    """The parts of a module's output, the arguments of its `forward`, its trained parameters."""

    parts: list[Part]
    arguments: list[str]
    trained: dict[str, tuple[int, ...]]

    @classmethod
    def of(cls, network: nn.Module, tensors: Any, setting: Setting) -> ModuleForm:
        """Run a module once on inputs of its own."""
        given = replaced(tensors, _leaf) if setting.backward else tensors
        with torch.set_grad_enabled(setting.backward):
            copies = replaced(given, torch.clone)  # a module may change them, and no leaf
            output = network(**copies) if isinstance(copies, Mapping) else network(*copies)
        parts = form_of(output)
        _expect_checkable(output, parts, setting)
        arguments = list(inspect.signature(network.forward).parameters)
        return cls(parts, arguments, {n: tuple(p.shape) for n, p in trained(network).items()})

    @property
    def num_trained(self) -> int:
        """Count the elements of all parameters that require a gradient."""
        return sum(map(math.prod, self.trained.values()))

    def names_of_inputs(self, tensors: Any) -> list[str]:
        """Name the inputs that require a gradient after arguments and keys: `hidden_states`."""
        names = [
            name
            for name, leaf in leaves_of(tensors)
            if isinstance(leaf, Tensor) and leaf.requires_grad
        ]
        return names if isinstance(tensors, Mapping) else [self._argument(name) for name in names]

    def _argument(self, name: str) -> str:
        position, dot, rest = name.partition(".")
        known = int(position) < len(self.arguments)
        return (self.arguments[int(position)] if known else f"input{position}") + dot + rest


def trained(network: nn.Module) -> dict[str, nn.Parameter]:
    """Return the parameters of a module that require a gradient, by name."""
    found = network.named_parameters()
    return {name.replace(_COMPILED, ""): p for name, p in found if p.requires_grad}


def _leaf(tensor: Tensor) -> Tensor:
    return tensor.detach().requires_grad_(tensor.is_floating_point())


def _expect_checkable(output: object, parts: list[Part], setting: Setting) -> None:
    if not parts:
        raise Unsupported(f"cannot be checked: no tensor is in its {type(output).__name__} output")
    if setting.backward and not any(part.differentiable for part in parts):
        raise Unsupported("no backward pass: no part of its output depends on what has a gradient")
