"""A user's `nn.Module` as a problem: eager and compiled, checked against the module in float64."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from bench.compilation import Compiled
from bench.operator import Operands, Operator
from bench.setting import Setting
from bench.variant import Variant

WEIGHT_SEED = 0


class ModuleProblem(Operator):
    """Inference of a module on example inputs. Subclass as a frozen dataclass of sizes.

    >>> @dataclass(frozen=True)
    ... class Mlp(ModuleProblem):
    ...     batch: int = 32
    ...     def module(self): return nn.Sequential(nn.Linear(64, 256), nn.GELU())
    ...     def example(self): return (torch.randn(self.batch, 64),)

    Every such class found in a file is contested by `eager` and `compiled`.
    """

    passes: ClassVar[tuple[str, ...]] = ("fwd",)

    @abstractmethod
    def module(self) -> nn.Module:
        """Make the module on CPU in float32; weights are drawn after `torch.manual_seed`."""

    @abstractmethod
    def example(self) -> tuple[Tensor, ...]:
        """Make one set of inputs on CPU; drawn anew for every seed."""

    def output_shape(self) -> tuple[int, ...]:
        """Run the module on meta-free CPU inputs to learn the shape of its output."""
        with torch.no_grad():
            return tuple(self._module(torch.float32)(*self.example()).shape)

    def draw(self, generator: torch.Generator, setting: Setting) -> tuple[Tensor, ...]:
        """Draw the example inputs; floating ones are cast to the setting's dtype."""
        torch.manual_seed(generator.initial_seed())
        return tuple(_cast(t, setting.dtype).to(setting.device) for t in self.example())

    def build(self, setting: Setting) -> nn.Module:
        """Return the module in evaluation mode, in the setting's dtype, on its device."""
        return self._module(setting.dtype).to(setting.device)

    def reference(self, operands: Operands, dtype: torch.dtype) -> list[Tensor]:
        """Run the module with weights and inputs cast to `dtype`."""
        tensors = [_cast(t, dtype) for t in operands.tensors]
        with torch.no_grad():
            return [self._module(dtype).to(tensors[0].device)(*tensors)]

    def _module(self, dtype: torch.dtype) -> nn.Module:
        torch.manual_seed(WEIGHT_SEED)
        return self.module().to(dtype).eval()


def module_variants(problem: type[ModuleProblem], module: str) -> list[Variant]:
    """Return the contestants of a module problem that the file `module` defines."""
    return [Variant(f, problem, {}, True, module) for f in (eager, compiled)]


def eager(problem: ModuleProblem, *, setting: Setting) -> Callable[[Any], Tensor]:
    """Call the module as it is."""
    network = problem.build(setting)
    return lambda tensors: network(*tensors)


def compiled(problem: ModuleProblem, *, setting: Setting) -> Compiled:
    """Call the module through `torch.compile`, refusing graph breaks."""
    network = torch.compile(problem.build(setting), fullgraph=True, dynamic=False)
    return Compiled(lambda tensors: network(*tensors))


def _cast(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    return tensor.to(dtype) if tensor.is_floating_point() else tensor
