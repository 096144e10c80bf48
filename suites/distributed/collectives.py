"""The collectives that strategies are made of, over sizes.

Rates as nccl-tests defines them (NVIDIA/nccl-tests, doc/PERFORMANCE.md): for S bytes in t seconds
algbw = S/t, and busbw = algbw x 2(N-1)/N for all-reduce, x (N-1)/N for all-gather and
reduce-scatter, so that busbw compares with the speed of the links. S is the whole buffer: what an
all-gather delivers, what a reduce-scatter is given.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench import Call, Incorrect, Measurement, Plain, Problem, Setting, Unsupported, Verdict
from suites.distributed.theory import gloo_bytes, ring_bytes
from suites.distributed.traffic import wire, wire_is_visible
from suites.distributed.workload import rank_of

LARGEST = 8  # whole numbers up to this: sums over 32 ranks are exact even in bfloat16


@dataclass(frozen=True)
class Contribution:
    """What this rank puts in, drawn from a seed that every rank knows."""

    tensor: Tensor
    seed: int


@dataclass(frozen=True)
class Collective(Problem):
    """Subclass with the collective's name, what a rank contributes, and what it must get."""

    num_bytes: int = 1 << 20

    ranks: ClassVar[tuple[int, ...]] = (2,)
    dtypes: ClassVar[tuple[str, ...]] = ("float32", "bfloat16")
    examples: ClassVar[tuple[dict[str, Plain], ...]] = ({"num_bytes": 4096},)
    collective: ClassVar[str] = ""
    contributes_share: ClassVar[bool] = False  # a rank puts in 1/N of the buffer, not all of it

    def __post_init__(self) -> None:
        if self.num_bytes < 1:
            raise ValueError(f"expected num_bytes of at least 1, got {self.num_bytes}")

    def elements(self, setting: Setting) -> int:
        """Count the elements of the whole buffer; it has to divide evenly."""
        count, rest = divmod(self.num_bytes, setting.dtype.itemsize * setting.ranks)
        if rest:
            raise Unsupported(
                f"needs num_bytes divisible by {setting.ranks} ranks of {setting.dtype}"
            )
        return count * setting.ranks

    def contribution(self, seed: int, rank: int, setting: Setting) -> Tensor:
        """Draw what one rank puts in; every rank can draw everyone's."""
        share = setting.ranks if self.contributes_share else 1
        generator = torch.Generator().manual_seed(1000 * seed + rank)
        size = (self.elements(setting) // share,)
        numbers = torch.randint(-LARGEST, LARGEST + 1, size, generator=generator)
        return numbers.to(setting.device, setting.dtype)

    def make_inputs(self, seed: int, setting: Setting) -> Contribution:
        if setting.ranks < 2:
            raise Unsupported("needs at least two ranks")
        return Contribution(self.contribution(seed, rank_of(setting), setting), seed)

    def call(self, step: Callable[[Any], Any], setting: Setting) -> Call:
        return lambda inputs: (step(inputs.tensor),)

    def check(self, call: Call, inputs: Contribution, setting: Setting) -> Verdict:
        """Expect exactly what all contributions make: sums of whole numbers have no rounding."""
        (got,) = call(inputs)
        everyone = (
            self.contribution(inputs.seed, rank, setting).double() for rank in range(setting.ranks)
        )
        expected = self.expected(everyone, setting)
        if got.shape != expected.shape:
            raise Incorrect(f"expected shape {tuple(expected.shape)}, got {tuple(got.shape)}")
        error = float((got.double() - expected).abs().max())
        found = Measurement("out_error_max", "1", [error])
        if error != 0.0:
            raise Incorrect(f"{self.collective}: expected exact sums, off by {error:g}", [found])
        return Verdict([found], [(0.0, 0.0)])

    def account(self, built: Any, inputs: Contribution, setting: Setting) -> list[Measurement]:
        """Count, on CPU, the bytes sent, beside what a ring sends."""
        with wire() as sent:
            built(inputs.tensor)
        ring = ring_bytes(self.collective, self.num_bytes, setting.ranks)
        found = [Measurement("wire_paper", "bytes", [ring])]
        if wire_is_visible(setting.device):
            asked = {self.collective: self.elements(setting)}
            engine = gloo_bytes(asked, setting.dtype.itemsize, setting.ranks)
            assert engine is not None
            found.append(Measurement("wire_engine", "bytes", [engine]))
            found.append(Measurement("wire", "bytes", [float(sent.num_bytes)]))
        return found

    def work(self, setting: Setting) -> dict[str, float]:
        """Over time these are algbw and busbw."""
        busbw = ring_bytes(self.collective, self.num_bytes, setting.ranks)
        return {"algbw_bytes": float(self.num_bytes), "busbw_bytes": busbw}

    @abstractmethod
    def expected(self, contributions: Iterator[Tensor], setting: Setting) -> Tensor:
        """Compute in float64 what this rank must get from everyone's contribution.

        They are drawn one at a time: of a large buffer there is no room for all of them at once.
        """


@dataclass(frozen=True)
class AllReduce(Collective):
    """Every rank puts in num_bytes and gets the sum."""

    collective: ClassVar[str] = "all_reduce"

    def expected(self, contributions: Iterator[Tensor], setting: Setting) -> Tensor:
        return _sum(contributions)


@dataclass(frozen=True)
class AllGather(Collective):
    """Every rank puts in num_bytes / N and gets all of them in order of rank."""

    collective: ClassVar[str] = "all_gather"
    contributes_share: ClassVar[bool] = True

    def expected(self, contributions: Iterator[Tensor], setting: Setting) -> Tensor:
        return torch.cat(list(contributions))


@dataclass(frozen=True)
class ReduceScatter(Collective):
    """Every rank puts in num_bytes and gets its own 1/N of the sum."""

    collective: ClassVar[str] = "reduce_scatter"

    def expected(self, contributions: Iterator[Tensor], setting: Setting) -> Tensor:
        return _sum(tensor.chunk(setting.ranks)[rank_of(setting)] for tensor in contributions)


def _sum(tensors: Iterator[Tensor]) -> Tensor:
    """Add up without a second copy of the sum."""
    total = next(tensors).clone()
    for tensor in tensors:
        total += tensor
    return total
