"""Operator: a pure function of tensors, checked against a reference of itself in float64."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench.error_budget import Error, budget, errors
from bench.problem import Call, Incorrect, Problem, Verdict
from bench.setting import Setting

FORWARD_FACTOR = 2.0
GRADIENT_FACTOR = 3.0


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

        The budget of each is `factor x error of the reference in the case's dtype + one rounding`
        (factor 2 forward, 3 gradients), in two norms: relative L2, and maximum over elements.
        """
        operands = inputs
        before = [tensor.detach().clone() for tensor in operands.tensors]
        outputs = call(operands)
        self._expect_form(outputs, operands, setting)
        if any(not torch.equal(a, b) for a, b in zip(before, operands.tensors, strict=True)):
            raise Incorrect("the step changed its inputs")
        exact = self.reference(operands, torch.float64)
        plain = self.reference(operands, setting.dtype)
        found: list[Error] = []
        for name, got, true, low in zip(
            self.output_names(setting), outputs, exact, plain, strict=True
        ):
            factor = FORWARD_FACTOR if name == "out" else GRADIENT_FACTOR
            found.append(errors(name, got, true, budget(low, true, factor, setting.dtype)))
        measurements = [m for error in found for m in error.measurements()]
        bad = [error for error in found if not error.within]
        if bad:
            raise Incorrect("; ".join(error.describe() for error in bad), measurements)
        return Verdict(measurements, [error.budget.of_a_repeat() for error in found])

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
