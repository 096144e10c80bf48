"""Mixing: any question that is put to a mixer, of whatever kind."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from torch import nn

from bench import Measurement, Problem, Setting
from suites.mixers.mixer import Mixer
from suites.models.seeded import seeded

Build = Callable[[], Mixer]
Contestant = Any  # a step, or an object with one; see `bench.Variant`


class Mixing(Problem):
    """Subclass as a frozen dataclass with `ask`: a mixer is built by its variant, at this width."""

    width: int
    num_heads: int

    @property
    @abstractmethod
    def length(self) -> int:
        """Return how many tokens a sequence has: the n in mixers that are scaled by it."""

    @abstractmethod
    def ask(self, build: Build, setting: Setting, compiled: bool = False) -> Contestant:
        """Set up what is timed, of a mixer that `build` makes; equal seeds make equal weights."""

    def expect_sizes(self, *names: str) -> None:
        """Raise ValueError unless these are at least 1, and heads of even size fill the width."""
        for name in ("width", "num_heads", *names):
            if getattr(self, name) < 1:
                raise ValueError(f"expected {name} of at least 1, got {getattr(self, name)}")
        if self.width % (2 * self.num_heads):
            raise ValueError(
                f"expected width divisible by 2 num_heads, got {self.width} and {self.num_heads}"
            )


def made(build: Callable[[], nn.Module], setting: Setting, seed: int = 0) -> Any:
    """Make a module of this seed's weights in the setting's dtype, on its device."""
    return seeded(seed, build).to(setting.device, setting.dtype)


def sizes_of(mixer: Mixer, seqlen: int) -> list[Measurement]:
    """Return what a layer has and takes by formula: parameters, and FLOPs forward of a sequence."""
    count = sum(weight.numel() for weight in mixer.parameters())
    return [
        Measurement("num_parameters", "1", [float(count)]),
        Measurement("sequence_flops", "1", [float(mixer.flops(seqlen))]),
    ]
