"""A mixer held to another computation of the same, in float64 and plainly in its own dtype."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from bench import Setting
from bench.operator import Operands, Operator, Part, nudged
from suites.mixers.mixer import Mixer, Weights


class Held(Operator):
    """The question of `problem` with one mixer's answer to compare with: `compute`."""

    input_names = ("x",)
    most_realisations = 4

    def __init__(self, problem: Operator, mixer: Mixer):
        self.problem, self.mixer = problem, mixer

    @abstractmethod
    def compute(self, weights: Weights, x: Tensor) -> Tensor:
        """Compute the output from weights and inputs of one dtype."""

    def draw(self, generator: torch.Generator, setting: Setting) -> tuple[Tensor, ...]:
        drawn: tuple[Tensor, ...] = self.problem.draw(generator, setting)
        return drawn

    def output_shape(self) -> tuple[int, ...]:
        return self.problem.output_shape()

    def outputs(self, returned: tuple[object, ...], inputs: Operands) -> tuple[Tensor, ...]:
        return self.problem.outputs(returned, inputs)

    def parts(self, operands: Operands, setting: Setting) -> list[Part]:
        """Add the gradient of all parameters, as one vector."""
        parts = super().parts(operands, setting)
        count = sum(weight.numel() for weight in self.mixer.parameters())
        own = [Part("dparameters", (count,), setting.dtype)] if setting.backward else []
        return [*parts, *own]

    def nudged(self, operands: Operands, generator: torch.Generator) -> Operands:
        """Move inputs and weights by a few roundings."""
        moved = {n: nudged(w.detach(), generator) for n, w in self.mixer.named_parameters()}
        return replace(super().nudged(operands, generator), weights=moved)

    def reference(self, operands: Operands, dtype: torch.dtype) -> list[Tensor]:
        backward = operands.grad_output is not None
        (x,) = (_leaf(t, dtype, backward) for t in operands.tensors)
        given = operands.weights or dict(self.mixer.named_parameters())
        weights = {name: _leaf(weight, dtype, backward) for name, weight in given.items()}
        with torch.set_grad_enabled(backward):
            out = self.compute(weights, x)
        if not backward:
            return [out]
        wanted = [x, *weights.values()]
        gradients = torch.autograd.grad(out, wanted, operands.grad_output.to(dtype))
        return [out.detach(), gradients[0], _together(gradients[1:])]


class HeldLayer(Held):
    """A layer held to its definition."""

    def compute(self, weights: Weights, x: Tensor) -> Tensor:
        return self.mixer.definition(weights, x)


class HeldDecoding(Held):
    """A decoded token held to the layer's forward pass over its context and itself."""

    def __init__(self, problem: Operator, mixer: Mixer, context_BSW: Tensor):
        super().__init__(problem, mixer)
        self.context_BSW = context_BSW

    def compute(self, weights: Weights, x: Tensor) -> Tensor:
        layer = copy.deepcopy(self.mixer).to(x.dtype)
        layer.load_state_dict(dict(weights), strict=False)
        whole = torch.cat([self.context_BSW.to(x.dtype), x[:, None]], 1)
        return layer.last(whole)


def _leaf(tensor: Tensor, dtype: torch.dtype, backward: bool) -> Tensor:
    return tensor.detach().to(dtype).requires_grad_(backward)


def _together(gradients: Sequence[Tensor]) -> Tensor:
    return torch.cat([gradient.flatten() for gradient in gradients])
