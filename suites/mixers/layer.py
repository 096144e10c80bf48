"""Layer: one layer over a batch of sequences, forward or forward and backward."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench import Call, Measurement, Plain, Setting, Verdict
from bench.compilation import Compiled
from bench.operator import Operands, Operator, forward, forward_backward
from suites.mixers.held import HeldLayer
from suites.mixers.mixer import Mixer
from suites.mixers.mixing import Build, Contestant, Mixing, made, sizes_of


class LayerStep:
    """A mixer called with the inputs of a problem."""

    def __init__(self, mixer: Mixer):
        self.mixer = mixer
        self.called: Callable[[Tensor], Tensor] = mixer

    def __call__(self, tensors: tuple[Tensor]) -> Tensor:
        return self.called(*tensors)


class CompiledStep(LayerStep):
    """The same through `torch.compile`, whose graph need not be whole."""

    def __init__(self, mixer: Mixer):
        super().__init__(mixer)
        self.called = torch.compile(mixer, dynamic=False)

    def verify(self, inputs: Any) -> dict[str, str]:
        return Compiled(self, whole=False).verify(inputs)


class LayerCall:
    """One pass over a set of inputs; the check finds its mixer here."""

    def __init__(self, step: LayerStep, setting: Setting):
        self.mixer = step.mixer
        weights = list(self.mixer.parameters())
        self.run = forward_backward(step, weights) if setting.backward else forward(step)

    def __call__(self, operands: Operands) -> tuple[Any, ...]:
        return self.run(operands)


@dataclass(frozen=True)
class Layer(Mixing, Operator):
    """Inputs (B, S, W) to outputs (B, S, W), causal; gradients of inputs and all parameters."""

    batch: int = 1
    seqlen: int = 1024
    width: int = 128
    num_heads: int = 4

    dtypes: ClassVar[tuple[str, ...]] = ("float32", "bfloat16")
    input_names: ClassVar[tuple[str, ...]] = ("x",)
    examples: ClassVar[tuple[dict[str, Plain], ...]] = (
        {"batch": 2, "seqlen": 48, "width": 16, "num_heads": 2},
    )

    def __post_init__(self) -> None:
        self.expect_sizes("batch", "seqlen")

    @property
    def length(self) -> int:
        return self.seqlen

    def ask(self, build: Build, setting: Setting, compiled: bool = False) -> Contestant:
        mixer = made(build, setting)
        return CompiledStep(mixer) if compiled else LayerStep(mixer)

    def draw(self, generator: torch.Generator, setting: Setting) -> tuple[Tensor]:
        shape = self.output_shape()
        x = torch.randn(shape, generator=generator, dtype=setting.dtype, device=setting.device)
        return (x,)

    def output_shape(self) -> tuple[int, ...]:
        return (self.batch, self.seqlen, self.width)

    def call(self, step: Any, setting: Setting) -> Call:
        return LayerCall(step, setting)

    def outputs(self, returned: tuple[Any, ...], inputs: Operands) -> tuple[Tensor, ...]:
        """Return output and gradient of the input; that of all parameters is one vector."""
        count = 1 + len(inputs.leaves)
        of_weights = [gradient.detach().flatten() for gradient in returned[count:]]
        together = [torch.cat(of_weights)] if of_weights else []
        return (*super().outputs(returned[:count], inputs), *together)

    def reference(self, operands: Operands, dtype: torch.dtype) -> list[Tensor]:
        raise NotImplementedError("every mixer has a definition of its own; see `check`")

    def check(self, call: Call, inputs: Operands, setting: Setting) -> Verdict:
        """Hold a mixer to its definition in float64."""
        assert isinstance(call, LayerCall)
        return HeldLayer(self, call.mixer).check(call, inputs, setting)

    def bytes_moved(self, setting: Setting) -> int:
        """Count inputs read and outputs written, not the weights, which differ by mixer."""
        elements = 2 * self.batch * self.seqlen * self.width
        return elements * setting.dtype.itemsize * (2 if setting.backward else 1)

    def work(self, setting: Setting) -> dict[str, float]:
        return {"tokens": self.batch * self.seqlen}

    def account(self, built: Any, inputs: Any, setting: Setting) -> list[Measurement]:
        """Count parameters, and FLOPs by formula."""
        return sizes_of(built.mixer, self.seqlen)
