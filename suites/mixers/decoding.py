"""Decoding: the next token of every sequence, and the bytes of what is kept of those before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench import Call, Measurement, Plain, Setting, Unsupported, Verdict
from bench.operator import Operands, Operator
from suites.mixers.held import HeldDecoding
from suites.mixers.mixer import Mixer, State, state_bytes
from suites.mixers.mixing import Build, Contestant, Mixing, made, sizes_of

CONTEXT_SEED = 1 << 20  # apart from those of the tokens that are decoded


class DecodingStep:
    """A mixer with its state after a context; every call is the token after that."""

    def __init__(self, mixer: Mixer, context_BSW: Tensor):
        self.mixer, self.context_BSW = mixer, context_BSW
        with torch.no_grad():
            self.state = mixer.prefill(context_BSW)

    def __call__(self, tensors: tuple[Tensor]) -> Tensor:
        return self.decoded(tensors)[0]

    def decoded(self, tensors: tuple[Tensor]) -> tuple[Tensor, State]:
        """Return the token's output and the state after it; a cache is written where it lies."""
        return self.mixer.decode(*tensors, self.state)


class DecodingCall:
    """One token after the context; the check finds its mixer here."""

    def __init__(self, step: DecodingStep):
        self.step = step

    def __call__(self, operands: Operands) -> tuple[Any, ...]:
        return (self.step(operands.tensors),)


@dataclass(frozen=True)
class Decoding(Mixing, Operator):
    """One token (B, W) with the state after `context` tokens, which set-up makes.

    A call makes the next state too, and hands out the token's output alone: what a state is worth
    shows in what is decoded from it.
    """

    batch: int = 1
    context: int = 1024
    width: int = 128
    num_heads: int = 4

    passes: ClassVar[tuple[str, ...]] = ("fwd",)
    dtypes: ClassVar[tuple[str, ...]] = ("float32", "bfloat16")
    examples: ClassVar[tuple[dict[str, Plain], ...]] = (
        {"batch": 2, "context": 32, "width": 16, "num_heads": 2},
    )

    def __post_init__(self) -> None:
        self.expect_sizes("batch", "context")

    @property
    def length(self) -> int:
        return self.context + 1

    def ask(self, build: Build, setting: Setting, compiled: bool = False) -> Contestant:
        if compiled:
            raise Unsupported("decodes as it is; compiled is asked of Layer")
        mixer = made(build, setting)
        if not mixer.decodes:
            raise Unsupported("its kernel takes whole sequences; the portable form decodes")
        shape = (self.batch, self.context, self.width)
        generator = torch.Generator(setting.device).manual_seed(CONTEXT_SEED)
        context = torch.randn(
            shape, generator=generator, dtype=setting.dtype, device=setting.device
        )
        return DecodingStep(mixer, context)

    def draw(self, generator: torch.Generator, setting: Setting) -> tuple[Tensor]:
        shape = self.output_shape()
        x = torch.randn(shape, generator=generator, dtype=setting.dtype, device=setting.device)
        return (x,)

    def output_shape(self) -> tuple[int, ...]:
        return (self.batch, self.width)

    def call(self, step: Any, setting: Setting) -> Call:
        return DecodingCall(step)

    def reference(self, operands: Operands, dtype: torch.dtype) -> list[Tensor]:
        raise NotImplementedError("every mixer is held to its own forward pass; see `check`")

    def check(self, call: Call, inputs: Operands, setting: Setting) -> Verdict:
        """Hold the token to the mixer's forward pass over all tokens, in float64."""
        assert isinstance(call, DecodingCall)
        held = HeldDecoding(self, call.step.mixer, call.step.context_BSW)
        return held.check(call, inputs, setting)

    def work(self, setting: Setting) -> dict[str, float]:
        return {"tokens": self.batch}

    def account(self, built: Any, inputs: Any, setting: Setting) -> list[Measurement]:
        """Count the bytes of the state, the token decoded included."""
        with torch.no_grad():
            _, state = built.decoded(inputs.tensors)
        kept = Measurement("state", "bytes", [float(state_bytes(state))])
        return [kept, *sizes_of(built.mixer, self.length)]
