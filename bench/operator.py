"""Operator: a pure function of tensors, checked against a reference of itself in float64."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench.error_budget import NO_TERMS, Budget, Terms, terms_of_gradient
from bench.problem import Call, Incorrect, Problem, Verdict
from bench.realisations import Realisation, nudged, realise
from bench.setting import Setting

FORWARD_FACTOR = 2.0
GRADIENT_FACTOR = 3.0
NUDGE_SEED = 7


@dataclass(frozen=True)
class Operands:
    """One set of inputs: the tensors a step gets, and the output's gradient for `fwd_bwd`."""

    tensors: Any
    grad_output: Tensor | None = None


class Operator(Problem):
    """Subclass with `draw`, `output_shape`, `reference`, and `input_names` for a backward pass."""

    passes: ClassVar[tuple[str, ...]] = ("fwd", "fwd_bwd")
    # float64 is what the check measures against: it has nothing to measure float64 itself with
    dtypes: ClassVar[tuple[str, ...]] = ("float32", "bfloat16", "float16")
    input_names: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def draw(self, generator: torch.Generator, setting: Setting) -> Any:
        """Draw the input tensors as a (named) tuple, in the setting's dtype and device."""

    @abstractmethod
    def output_shape(self) -> tuple[int, ...]:
        """Return the shape of the single output."""

    @abstractmethod
    def reference(self, operands: Operands, dtype: torch.dtype) -> list[Tensor]:
        """Compute output (and gradients, where asked) plainly, all arithmetic in `dtype`."""

    def make_inputs(self, seed: int, setting: Setting) -> Operands:
        """Draw the inputs and, for `fwd_bwd`, the gradient of the output, all from one seed."""
        generator = torch.Generator(setting.device).manual_seed(seed)
        tensors = self.draw(generator, setting)
        if not setting.backward:
            return Operands(tensors)
        grad = torch.randn(
            self.output_shape(),
            generator=generator,
            dtype=setting.dtype,
            device=setting.device,
        )
        for tensor in tensors:
            tensor.requires_grad_()
        return Operands(tensors, grad)

    def call(self, step: Callable[[Any], Any], setting: Setting) -> Call:
        """Return forward alone, or forward and the gradients of every input."""

        def forward(operands: Operands) -> tuple[Tensor, ...]:
            return (step(operands.tensors),)

        def forward_backward(operands: Operands) -> tuple[Tensor, ...]:
            output = step(operands.tensors)
            gradients = torch.autograd.grad(output, tuple(operands.tensors), operands.grad_output)
            return (output.detach(), *gradients)

        return forward_backward if setting.backward else forward

    def check(self, call: Call, inputs: Operands, setting: Setting) -> Verdict:
        """Hold output and gradients to a multiple of a plain low-precision computation's error.

        Factor 2 for the output, 3 for gradients; see `bench.error_budget`.
        """
        operands = inputs
        before = [tensor.detach().clone() for tensor in operands.tensors]
        outputs = call(operands)
        self._expect_form(outputs, operands, setting)
        if any(not torch.equal(a, b) for a, b in zip(before, operands.tensors, strict=True)):
            raise Incorrect("the step changed its inputs")
        found = [
            budget.judge(name, got)
            for name, got, budget in zip(
                self.output_names(setting), outputs, self.budgets(operands, setting), strict=True
            )
        ]
        measurements = [m for error in found for m in error.measurements()]
        bad = [error for error in found if not error.within]
        if bad:
            raise Incorrect("; ".join(error.describe() for error in bad), measurements)
        return Verdict(measurements, [error.budget.of_a_repeat() for error in found])

    def budgets(self, operands: Operands, setting: Setting) -> list[Budget]:
        """Return what each output may err, from independent plain realisations."""
        generator = torch.Generator().manual_seed(NUDGE_SEED)

        def draw(number: int) -> Realisation:
            here = self.nudged(operands, generator) if number else operands
            exact = self.reference(here, torch.float64)
            return Realisation(exact, self.reference(here, setting.dtype))

        exact, errors = realise(draw, sum(tensor.numel() for tensor in operands.tensors))
        terms = self._terms(operands, exact[0])
        factors = [FORWARD_FACTOR, *[GRADIENT_FACTOR] * (len(exact) - 1)]
        return [
            Budget.of(true, found, setting.dtype, factor, len(exact), before)
            for true, found, factor, before in zip(exact, errors, factors, terms, strict=True)
        ]

    def nudged(self, operands: Operands, generator: torch.Generator) -> Operands:
        """Move the inputs by a few units in the last place, so that they are rounded otherwise."""
        tensors = [nudged(tensor, generator) for tensor in operands.tensors]
        grad = operands.grad_output
        moved = None if grad is None else nudged(grad, generator)
        kind = type(operands.tensors)
        return Operands(kind(*tensors) if hasattr(kind, "_fields") else kind(tensors), moved)

    def _terms(self, operands: Operands, output: Tensor) -> list[Terms]:
        grad = operands.grad_output
        if grad is None:
            return [NO_TERMS]
        return [NO_TERMS, *(terms_of_gradient(output, grad, of) for of in operands.tensors)]

    def output_names(self, setting: Setting) -> tuple[str, ...]:
        """Name what a call returns: `out`, then `d<input>` for every input."""
        gradients = tuple(f"d{name}" for name in self.input_names)
        return ("out", *gradients) if setting.backward else ("out",)

    def _expect_form(self, outputs: Sequence[Tensor], operands: Operands, setting: Setting) -> None:
        shapes = [self.output_shape(), *(tuple(t.shape) for t in operands.tensors)]
        for name, output, shape in zip(self.output_names(setting), outputs, shapes, strict=False):
            if tuple(output.shape) != shape:
                raise Incorrect(f"{name}: expected shape {shape}, got {tuple(output.shape)}")
            if output.dtype != setting.dtype:
                raise Incorrect(f"{name}: expected {setting.dtype}, got {output.dtype}")
