"""A user's `nn.Module` as a problem: eager and compiled, checked against the module in float64."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from bench.cases.problem import Call, Incorrect
from bench.cases.seeded import seed_all
from bench.cases.setting import Setting
from bench.cases.tensors import replaced, tensors_in
from bench.cases.variant import Unsupported, Variant
from bench.checking.compilation import Compiled
from bench.checking.form import Part
from bench.checking.held import modules_held
from bench.checking.lifted import lift, lifted
from bench.checking.module_form import ModuleForm, trained
from bench.checking.operator import Operands, Operator, forward, forward_backward
from bench.checking.posed import expect_well_posed
from bench.checking.realisations import nudged

WEIGHT_SEED = 0


class ModuleProblem(Operator):
    """Inference of a module on example inputs. Subclass as a frozen dataclass of sizes.

    >>> @dataclass(frozen=True)
    ... class Mlp(ModuleProblem):
    ...     batch: int = 32
    ...     def module(self): return nn.Sequential(nn.Linear(64, 256), nn.GELU())
    ...     def example(self): return (torch.randn(self.batch, 64),)

    Every such class found in a file is contested by `eager` and `compiled`. A backward pass asks
    for the gradients of floating inputs, and of all parameters that require one.
    """

    drawn_by: ClassVar[str] = "example()"
    most_realisations: ClassVar[int] = 8

    @abstractmethod
    def module(self) -> nn.Module:
        """Make the module on CPU in float32; every global generator is seeded before."""

    @abstractmethod
    def example(self) -> Any:
        """Make one set of inputs on CPU, drawn anew for every seed.

        A tuple of arguments, a dict of keyword arguments, or a single tensor; nested as you like.
        """

    def output_shape(self) -> tuple[int, ...]:
        """Return the shape of the output's first part."""
        return self.form(Setting(torch.float32, torch.device("cpu")))[0].shape

    def form(self, setting: Setting) -> list[Part]:
        """Return the form that the module itself gives its output, run eagerly in this setting."""
        return self.seen(setting).parts

    def seen(self, setting: Setting) -> ModuleForm:
        """Look at the module in this setting once."""
        key = (setting.dtype, setting.backward)
        if key not in self._seen:
            tensors = self.draw(torch.Generator().manual_seed(0), setting)
            self._seen[key] = ModuleForm.of(self.build(setting), tensors, setting)
        return self._seen[key]

    @cached_property
    def _seen(self) -> dict[tuple[torch.dtype, bool], ModuleForm]:
        return {}

    def draw(self, generator: torch.Generator, setting: Setting) -> Any:
        """Draw the example inputs; floating ones are cast to the setting's dtype."""
        seed_all(generator.initial_seed())
        given = self.example()
        if not isinstance(given, Mapping):
            given = tuple(given) if isinstance(given, tuple | list) else (given,)
        return replaced(given, lambda t: _cast(t.detach().clone(), setting.dtype, setting.device))

    def build(self, setting: Setting) -> nn.Module:
        """Return the module in evaluation mode, in the setting's dtype, on its device."""
        return self._module(setting.dtype).to(setting.device)

    def call(self, step: Callable[[Any], Any], setting: Setting) -> Call:
        """Return forward alone, or forward and the gradients of inputs and parameters."""
        if not setting.backward:
            return forward(step)
        return forward_backward(step, self._parameters_of(step, setting))

    def outputs(self, returned: tuple[Any, ...], inputs: Operands) -> tuple[Tensor, ...]:
        """Flatten the output; gradients of inputs follow, and one of all parameters together."""
        output, *gradients = returned
        of_inputs, of_parameters = gradients[: len(inputs.leaves)], gradients[len(inputs.leaves) :]
        outputs = super().outputs((output, *of_inputs), inputs)
        assert inputs.dtype is not None
        shapes = list(self._seen[inputs.dtype, True].trained.values()) if of_parameters else []
        return (*outputs, *_together(of_parameters, shapes))

    def parts(self, operands: Operands, setting: Setting) -> list[Part]:
        """Return the form of what a call returns; `dparameters` is last."""
        parts = super().parts(operands, setting)
        count = self.seen(setting).num_trained if setting.backward else 0
        return [*parts, Part("dparameters", (count,), setting.dtype)] if count else parts

    def names_of_inputs(self, operands: Operands, setting: Setting) -> Sequence[str]:
        """Name inputs after the arguments of `forward`, and their keys."""
        return self.seen(setting).names_of_inputs(operands.tensors)

    def nudged(self, operands: Operands, generator: torch.Generator) -> Operands:
        """Move inputs and weights by a few roundings: a module of integers has no other inputs."""
        weights = {
            name: nudged(parameter.detach(), generator)
            for name, parameter in self._network(operands).named_parameters()
        }
        return replace(super().nudged(operands, generator), weights=weights)

    def num_elements(self, operands: Operands) -> int:
        """Count inputs and weights."""
        weights = sum(parameter.numel() for parameter in self._network(operands).parameters())
        return super().num_elements(operands) + weights

    def reference(self, operands: Operands, dtype: torch.dtype) -> list[Tensor]:
        """Run the module plainly in its own dtype, or all of it lifted to float64."""
        return [t for t in self._run(operands, dtype) if t.is_floating_point() and t.numel()]

    def vet(self, inputs: Operands, setting: Setting) -> dict[str, str]:
        """Find out whether the module has one answer, and whether it changes its inputs."""
        return expect_well_posed(self, inputs, setting)

    def expect_exact(self, outputs: Sequence[Tensor], operands: Operands, setting: Setting) -> None:
        """Hold integers and booleans to float64's, where plain rounding does not change them."""
        parts = self.form(setting)
        if all(part.dtype.is_floating_point for part in parts):
            return
        exact, plain = (self._run(operands, dtype) for dtype in (torch.float64, setting.dtype))
        for part, got, true, low in zip(parts, outputs, exact, plain, strict=False):
            if not part.dtype.is_floating_point:
                expect_equal(part.name, got, true, low)

    def _run(self, operands: Operands, dtype: torch.dtype) -> tuple[Tensor, ...]:
        """Return all outputs of the module itself; in float64 whatever types it names inside."""
        if dtype != torch.float64:
            return self._outputs_of(self._network(operands), operands)
        network, wide = self._network(operands).double(), _lift(operands)
        try:
            with lifted():
                return self._outputs_of(network, wide)
        except Exception as error:
            if "memory" in str(error).lower():
                raise
            line = f"{type(error).__name__}: {error}".splitlines()[0]
            raise Unsupported(f"cannot be checked: not computable in float64: {line}") from error

    def _outputs_of(self, network: nn.Module, operands: Operands) -> tuple[Tensor, ...]:
        backward, step = operands.grad_output is not None, Called(network)
        parameters = list(trained(network).values())
        call = forward_backward(step, parameters) if backward else forward(step)
        with torch.set_grad_enabled(backward):
            mine = self.fresh(operands)
            return self.outputs(call(mine), mine)

    def _network(self, operands: Operands) -> nn.Module:
        """Make the module for a set of inputs: on its device, with its weights."""
        assert operands.dtype is not None
        network = self._module(operands.dtype)
        network.load_state_dict(operands.weights or {}, strict=False)
        return network.to(next((t.device for t in tensors_in(operands.tensors)), None))

    def _module(self, dtype: torch.dtype) -> nn.Module:
        seed_all(WEIGHT_SEED)
        made = self.module()
        if not isinstance(made, nn.Module):
            raise TypeError(
                f"{type(self).__name__}.module(): expected an nn.Module, got {type(made).__name__}"
            )
        return made.to(dtype).eval()

    def _parameters_of(self, step: Callable[[Any], Any], setting: Setting) -> list[Tensor]:
        """Find the parameters whose gradients are asked for in the module that a step holds."""
        expected = self.seen(setting).trained
        for held in modules_held(step) if expected else ():
            mine = trained(held)
            if {name: tuple(p.shape) for name, p in mine.items()} == expected:
                return list(mine.values())
        if expected:
            raise Unsupported(
                "fwd_bwd asks for the gradients of all parameters: expected a step that holds a "
                f"module with those of {type(self).__name__}.module(), by the same names"
            )
        return []


class Called:
    """A step that calls a module with positional or keyword inputs."""

    def __init__(self, network: Callable[..., Any]):
        self.network = network

    def __call__(self, tensors: Any) -> Any:
        return self.network(**tensors) if isinstance(tensors, dict) else self.network(*tensors)


def module_variants(problem: type[ModuleProblem], module: str) -> list[Variant]:
    """Return the contestants of a module problem that the file `module` defines."""
    return [
        Variant(f, problem, {}, True, module, compiles=f is compiled) for f in (eager, compiled)
    ]


def eager(problem: ModuleProblem, *, setting: Setting) -> Callable[[Any], Any]:
    """Call the module as it is."""
    return Called(problem.build(setting))


def compiled(problem: ModuleProblem, *, setting: Setting) -> Compiled:
    """Call the module through `torch.compile`; breaks of its graph are told in a label."""
    network = torch.compile(problem.build(setting), dynamic=False)
    return Compiled(Called(network), whole=False)


def expect_equal(name: str, got: Tensor, exact: Tensor, plain: Tensor) -> None:
    """Hold one output of whole numbers to float64's; `plain` tells whether rounding decides it."""
    if not torch.equal(exact, plain):
        raise Unsupported(
            f"cannot be checked: {name} ({plain.dtype}) depends on rounding: a plain computation "
            f"gives {_differing(plain, exact)} as float64 does not"
        )
    if not torch.equal(got, exact):
        raise Incorrect(f"{name}: {_differing(got, exact)} differ from float64's")


def _differing(got: Tensor, exact: Tensor) -> str:
    return f"{int((got != exact).sum())} of {exact.numel()} elements"


def _together(
    gradients: Sequence[Tensor | None], shapes: Sequence[tuple[int, ...]]
) -> list[Tensor]:
    """Lay the gradients of all parameters end to end; one that was not used has zeros."""
    used = [gradient for gradient in gradients if gradient is not None]
    if not used:
        return [torch.zeros(sum(map(math.prod, shapes)))] if gradients else []
    pieces = [
        used[0].new_zeros(math.prod(shape)) if gradient is None else gradient.detach().reshape(-1)
        for gradient, shape in zip(gradients, shapes, strict=True)
    ]
    return [torch.cat(pieces)]


def _lift(operands: Operands) -> Operands:
    """Cast inputs and upstream gradients to float64; weights follow their module."""
    casts: dict[int, Tensor] = {}

    def cast(tensor: Tensor) -> Tensor:
        if id(tensor) not in casts:
            wide = lift(tensor.detach()).requires_grad_(tensor.requires_grad)
            casts[id(tensor)] = wide
        return casts[id(tensor)]

    tensors = replaced(operands.tensors, cast)
    upstream = replaced(operands.grad_output, cast)
    leaves = tuple(cast(leaf) for leaf in operands.leaves)
    return replace(operands, tensors=tensors, grad_output=upstream, leaves=leaves)


def _cast(tensor: Tensor, dtype: torch.dtype, device: torch.device) -> Tensor:
    return tensor.to(device, dtype if tensor.is_floating_point() else tensor.dtype)
