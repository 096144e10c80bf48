"""Operator: a pure function of tensors, checked against a reference of itself in float64."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from bench.cases.problem import Call, Incorrect, Problem, Verdict
from bench.cases.setting import Setting
from bench.cases.tensors import as_real, copied, flat, replaced, same, tensors_in
from bench.cases.variant import Unsupported
from bench.checking.error_budget import Budget, Error, Terms, terms_of_gradient
from bench.checking.form import OUT, Part, expect_form, not_compared
from bench.checking.realisations import MOST, Realisation, nudged, realise

FORWARD_FACTOR = 2.0
GRADIENT_FACTOR = 3.0
NUDGE_SEED = 7


@dataclass(frozen=True)
class Operands:
    """One set of inputs: what a step gets, and the output's gradient for `fwd_bwd`.

    `grad_output` is one tensor, or one for every differentiable part of the output. `leaves` are
    the tensors whose gradients are asked for: a step may get copies of them. `weights` stand in
    for a module's own, by name; `dtype` is the type that it computes in.
    """

    tensors: Any
    grad_output: Any = None
    leaves: tuple[Tensor, ...] = ()
    weights: dict[str, Tensor] | None = None
    dtype: torch.dtype | None = None

    @property
    def upstream(self) -> tuple[Tensor, ...]:
        """Return the gradients of the output's parts."""
        given = self.grad_output
        return (given,) if isinstance(given, Tensor) else given


class Operator(Problem):
    """Subclass with `draw`, `output_shape`, `reference`, and `input_names` for a backward pass.

    An output of several parts (a tuple, a dict, a dataclass) needs `form` instead of
    `output_shape`.
    """

    passes: ClassVar[tuple[str, ...]] = ("fwd", "fwd_bwd")
    clock: ClassVar[Literal["wall", "device"]] = "device"
    # torch.autograd.grad imports it when it is first called, and SymPy with it: a second or two
    preload: ClassVar[tuple[str, ...]] = ("torch.fx.experimental.symbolic_shapes",)
    # float64 is what the check measures against: it has nothing to measure float64 itself with
    dtypes: ClassVar[tuple[str, ...]] = ("float32", "bfloat16", "float16")
    input_names: ClassVar[tuple[str, ...]] = ()
    most_realisations: ClassVar[int] = MOST  # of a plain computation; a dear one affords fewer

    @abstractmethod
    def draw(self, generator: torch.Generator, setting: Setting) -> Any:
        """Draw the inputs as a (named) tuple or a dict, in the setting's dtype and device."""

    @abstractmethod
    def output_shape(self) -> tuple[int, ...]:
        """Return the shape of the single output."""

    @abstractmethod
    def reference(self, operands: Operands, dtype: torch.dtype) -> list[Tensor]:
        """Compute floating outputs (and gradients, where asked) plainly, arithmetic in `dtype`."""

    def form(self, setting: Setting) -> list[Part]:
        """Return the parts of the output, in the order in which a walk through it meets them."""
        return [Part(OUT, self.output_shape(), setting.dtype, differentiable=True)]

    def make_inputs(self, seed: int, setting: Setting) -> Operands:
        """Draw the inputs and, for `fwd_bwd`, the gradient of the output, all from one seed."""
        generator = torch.Generator(setting.device).manual_seed(seed)
        tensors = self.draw(generator, setting)
        if not setting.backward:
            return Operands(tensors, dtype=setting.dtype)
        gradients = tuple(
            torch.randn(part.shape, generator=generator, dtype=part.dtype, device=setting.device)
            for part in self.form(setting)
            if part.differentiable
        )
        leaves = tuple(t.requires_grad_() for t in tensors_in(tensors) if t.is_floating_point())
        upstream = gradients[0] if len(gradients) == 1 else gradients
        return Operands(tensors, upstream, leaves, dtype=setting.dtype)

    def fresh(self, inputs: Operands) -> Operands:
        """Copy the inputs; a gradient is still that of the original, which stays as it was."""
        return replace(inputs, tensors=replaced(inputs.tensors, torch.clone))

    def nudged(self, operands: Operands, generator: torch.Generator) -> Operands:
        """Move all that is drawn by a few roundings: an input whose answer is as good."""

        def nudge(tensor: Tensor) -> Tensor:
            return nudged(tensor, generator)

        tensors = replaced(operands.tensors, nudge)
        leaves = tuple(tensor for tensor in tensors_in(tensors) if tensor.requires_grad)
        upstream = replaced(operands.grad_output, nudge)
        return replace(operands, tensors=tensors, grad_output=upstream, leaves=leaves)

    def call(self, step: Callable[[Any], Any], setting: Setting) -> Call:
        """Return forward alone, or forward and the gradients of every floating input."""
        return forward_backward(step, ()) if setting.backward else forward(step)

    def outputs(self, returned: tuple[Any, ...], inputs: Operands) -> tuple[Tensor, ...]:
        """Flatten the output; gradients follow, of an input that was not used a zero."""
        output, *gradients = returned
        return (*flat(output), *_gradients(gradients, inputs.leaves))

    def check(self, call: Call, inputs: Operands, setting: Setting) -> Verdict:
        """Hold output and gradients to a multiple of a plain low-precision computation's error.

        Factor 2 for the output, 3 for gradients; see `bench.checking.error_budget`.
        """
        operands = inputs
        before = copied(operands.tensors)
        returned = call(operands)
        outputs = self.outputs(returned, operands)
        parts = self.parts(operands, setting)
        expect_form(outputs, parts)
        if not same(before, operands.tensors):
            raise Incorrect("the step changed its inputs")
        self.expect_exact(outputs, operands, setting)
        judged = [got for got, part in zip(outputs, parts, strict=True) if part.has_error]
        names = self.output_names(operands, setting)
        budgets = self.budgets(operands, setting)
        found = [b.judge(name, got) for name, got, b in zip(names, judged, budgets, strict=True)]
        measurements = [m for error in by_quantity(found) for m in error.measurements()]
        bad = [error for error in found if not error.within]
        if bad:
            raise Incorrect("; ".join(error.describe() for error in bad), measurements)
        repeats = iter([error.budget.of_a_repeat() for error in found])
        tolerances = [next(repeats) if part.has_error else (0.0, 0.0) for part in parts]
        return Verdict(measurements, tolerances, _labels(returned[0]))

    def budgets(self, operands: Operands, setting: Setting) -> list[Budget]:
        """Return what every output with an error may err, from independent plain realisations."""
        names = self.output_names(operands, setting)
        generator = torch.Generator(setting.device).manual_seed(NUDGE_SEED)

        def draw(number: int) -> Realisation:
            here = self.nudged(operands, generator) if number else operands
            exact = self.reference(here, torch.float64)
            for name, true in zip(names, exact, strict=True):
                expect_finite(name, true)
            return Realisation(exact, self.reference(here, setting.dtype))

        exact, errors = realise(draw, self.num_elements(operands), self.most_realisations)
        terms = self._terms(operands, exact, setting)
        return [
            Budget.of(true, plain, setting.dtype, factor_of(name), len(names), terms.get(name))
            for name, true, plain in zip(names, exact, errors, strict=True)
        ]

    def num_elements(self, operands: Operands) -> int:
        """Count what goes in: how often a plain computation can be repeated depends on it."""
        return sum(tensor.numel() for tensor in tensors_in(operands.tensors))

    def _terms(
        self, operands: Operands, exact: Sequence[Tensor], setting: Setting
    ) -> dict[str, Terms]:
        """Estimate what every gradient of an input is the difference of."""
        if operands.grad_output is None:
            return {}
        parts = self.form(setting)
        upstream, true = iter(operands.upstream), iter(exact)
        flowing = [next(upstream) if part.differentiable else None for part in parts]
        outputs = [next(true) if part.has_error else None for part in parts]
        pairs = [
            (output, grad)
            for output, grad in zip(outputs, flowing, strict=True)
            if output is not None and grad is not None
        ]
        return {
            f"d{name}": terms_of_gradient(pairs, leaf)
            for name, leaf in zip(
                self.names_of_inputs(operands, setting), operands.leaves, strict=True
            )
        }

    def parts(self, operands: Operands, setting: Setting) -> list[Part]:
        """Return the form of what a call returns: the output's parts, then the gradients."""
        if not setting.backward:
            return self.form(setting)
        gradients = (
            Part(f"d{name}", tuple(tensor.shape), tensor.dtype)
            for name, tensor in zip(
                self.names_of_inputs(operands, setting), operands.leaves, strict=True
            )
        )
        return [*self.form(setting), *gradients]

    def output_names(self, operands: Operands, setting: Setting) -> tuple[str, ...]:
        """Name what `reference` returns: floating outputs, then `d<input>` for every input."""
        return tuple(part.name for part in self.parts(operands, setting) if part.has_error)

    def names_of_inputs(self, operands: Operands, setting: Setting) -> Sequence[str]:
        """Name the inputs whose gradients are asked for."""
        return self.input_names

    def expect_exact(self, outputs: Sequence[Tensor], operands: Operands, setting: Setting) -> None:
        """Hold integer and boolean outputs to equality, where there are any."""
        exact = [p.name for p in self.form(setting) if not p.dtype.is_floating_point]
        if exact:
            raise Unsupported(f"cannot be checked: {exact[0]} is not of a floating type")


def forward(step: Callable[[Any], Any]) -> Call:
    """Return the call of a forward pass."""
    return lambda operands: (step(operands.tensors),)


def forward_backward(step: Callable[[Any], Any], parameters: Sequence[Tensor]) -> Call:
    """Return the call of forward and backward: gradients of the inputs, then of parameters."""

    def call(operands: Operands) -> tuple[Any, ...]:
        output = step(operands.tensors)
        ends = [as_real(t) for t in _tensors_in(output) if t.requires_grad]
        upstream = operands.upstream
        if len(ends) != len(upstream):
            raise Incorrect(
                f"expected {len(upstream)} outputs that carry a gradient, got {len(ends)}"
            )
        wanted = [*operands.leaves, *parameters]
        return (output, *torch.autograd.grad(ends, wanted, upstream, allow_unused=True))

    return call


def is_output(name: str) -> bool:
    """Say whether a name is that of an output's part, and not of a gradient."""
    return name.partition(".")[0] == OUT


def factor_of(name: str) -> float:
    """Return how many times a plain computation's error an output may have."""
    return FORWARD_FACTOR if is_output(name) else GRADIENT_FACTOR


def by_quantity(found: Sequence[Error]) -> list[Error]:
    """Return one error for every column: of an output in parts, that of the worst part."""
    parts = [error for error in found if is_output(error.name)]
    others = [error for error in found if not is_output(error.name)]
    worst = [replace(max(parts, key=_share), name=OUT)] if parts else []
    return worst + others


def expect_finite(name: str, exact: Tensor) -> None:
    """Raise `Unsupported` where the answer itself is infinite or no number."""
    if not bool(torch.isfinite(exact).all()):
        raise Unsupported(f"cannot be checked: {name} is not finite everywhere in float64 either")


def _tensors_in(output: object) -> list[Tensor]:
    """Spare a single tensor the walk: this is timed."""
    return [output] if isinstance(output, Tensor) else tensors_in(output)


def _share(error: Error) -> float:
    return error.share if error.share == error.share else float("inf")


def _gradients(gradients: Sequence[Tensor | None], wanted: Sequence[Tensor]) -> list[Tensor]:
    return [
        torch.zeros_like(of) if gradient is None else gradient.detach()
        for gradient, of in zip(gradients, wanted, strict=True)
    ]


def _labels(output: object) -> dict[str, str]:
    others = not_compared(output)
    return {"not_compared": ", ".join(others)} if others else {}
