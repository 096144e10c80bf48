"""The collectives that strategies are made of, over sizes.

Rates as nccl-tests defines them (NVIDIA/nccl-tests, doc/PERFORMANCE.md): for S bytes in t seconds
algbw = S/t, and busbw = algbw x 2(N-1)/N for all-reduce, x (N-1)/N for all-gather, reduce-scatter
and all-to-all, x 1 for broadcast and reduce, so that busbw compares with the speed of the links. S
is the whole buffer: what an all-gather delivers, what a reduce-scatter is given, what a rank of an
all-to-all gives to all ranks together.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import torch
import torch.distributed as dist
from torch import Tensor

from bench import (
    Call,
    Incorrect,
    Measurement,
    Phases,
    Plain,
    Problem,
    Setting,
    Unsupported,
    Verdict,
)
from suites.distributed.sizes import sizes
from suites.distributed.theory import gloo_bytes, ring_bytes
from suites.distributed.traffic import wire, wire_is_visible
from suites.distributed.workload import rank_of


@dataclass(frozen=True)
class Contribution:
    """What this rank puts in by size, drawn from a seed that every rank knows."""

    tensors: list[Tensor]
    seed: int


@dataclass(frozen=True)
class Collective(Problem):
    """Subclass with the collective's name, what a rank contributes, and what it must get.

    With `from_bytes` a call goes through every fourth size from there up to `num_bytes`, and tells
    the time of each as a phase.
    """

    num_bytes: int = 1 << 20
    from_bytes: int | None = None

    ranks: ClassVar[tuple[int, ...]] = (2,)
    dtypes: ClassVar[tuple[str, ...]] = ("float32", "bfloat16")
    examples: ClassVar[tuple[dict[str, Plain], ...]] = (
        {"num_bytes": 4096},
        {"num_bytes": 8 << 10, "from_bytes": 512},
    )
    collective: ClassVar[str] = ""
    divides: ClassVar[bool] = True  # the buffer is made of a part for every rank
    contributes_share: ClassVar[bool] = False  # a rank puts in 1/N of the buffer, not all of it

    def __post_init__(self) -> None:
        if self.num_bytes < 1:
            raise ValueError(f"expected num_bytes of at least 1, got {self.num_bytes}")
        if self.from_bytes is not None and not 1 <= self.from_bytes <= self.num_bytes:
            raise ValueError(
                f"expected from_bytes between 1 and num_bytes = {self.num_bytes}, "
                f"got {self.from_bytes}"
            )

    @cached_property
    def sizes(self) -> list[int]:
        """Return the bytes of every buffer, smallest first."""
        return sizes(self.num_bytes, self.from_bytes)

    def elements(self, num_bytes: int, setting: Setting) -> int:
        """Count the elements of a whole buffer; it has to divide evenly."""
        parts = setting.ranks if self.divides else 1
        count, rest = divmod(num_bytes, setting.dtype.itemsize * parts)
        if rest:
            each = f"{setting.ranks} ranks of {setting.dtype}" if self.divides else setting.dtype
            raise Unsupported(f"needs num_bytes divisible by {each}, got {num_bytes}")
        return count * parts

    def contribution(self, seed: int, rank: int, num_bytes: int, setting: Setting) -> Tensor:
        """Draw what one rank puts in; every rank can draw everyone's."""
        share = setting.ranks if self.contributes_share else 1
        count = self.elements(num_bytes, setting) // share
        generator = torch.Generator().manual_seed(1000 * seed + rank)
        return _drawn(count, setting, generator).to(setting.device)

    def make_inputs(self, seed: int, setting: Setting) -> Contribution:
        if setting.ranks < 2:
            raise Unsupported("needs at least two ranks")
        own = [self.contribution(seed, rank_of(setting), size, setting) for size in self.sizes]
        return Contribution(own, seed)

    def call(self, step: Callable[[Any], Any], setting: Setting) -> Call:
        if isinstance(step, Phases):
            return lambda inputs: step(inputs.tensors)
        return lambda inputs: tuple(step(tensor) for tensor in inputs.tensors)

    def check(self, call: Call, inputs: Contribution, setting: Setting) -> Verdict:
        """Expect every byte that all contributions make: sums of whole numbers have no rounding."""
        for size, got in zip(self.sizes, call(inputs), strict=True):
            everyone = (
                self.contribution(inputs.seed, rank, size, setting) for rank in range(setting.ranks)
            )
            self._hold(got, self.expected(everyone, setting))
        return Verdict([Measurement("out_error_max", "1", [0.0])], [(0.0, 0.0)] * len(self.sizes))

    def _hold(self, got: Tensor, expected: Tensor) -> None:
        """Raise Incorrect unless both are the same, byte by byte."""
        if (got.shape, got.dtype) != (expected.shape, expected.dtype):
            shapes = [f"{one.dtype} {tuple(one.shape)}" for one in (expected, got)]
            raise Incorrect(f"{self.collective}: expected shape {shapes[0]}, got {shapes[1]}")
        ours, theirs = (one.contiguous().view(torch.uint8) for one in (got, expected))
        wrong = (ours != theirs).nonzero()
        if len(wrong):
            place = int(wrong[0]) // expected.itemsize
            error = float((got.double() - expected.double()).abs().max())
            raise Incorrect(
                f"{self.collective}: {len(wrong)} of {len(theirs)} bytes are wrong; element "
                f"{place}: expected {expected[place]:g}, got {got[place]:g}",
                [Measurement("out_error_max", "1", [error])],
            )

    def account(self, built: Any, inputs: Contribution, setting: Setting) -> list[Measurement]:
        """Count, on CPU, the bytes sent for the largest buffer, beside what a ring sends."""
        once = getattr(built, "once", built)
        dist.barrier()  # no byte of another call falls into the count
        with wire() as sent:
            once(inputs.tensors[-1])
            dist.barrier()
        ring = ring_bytes(self.collective, self.num_bytes, setting.ranks)
        found = [Measurement("wire_paper", "bytes", [ring])]
        if wire_is_visible(setting.device):
            asked = {self.collective: self.elements(self.num_bytes, setting)}
            engine = gloo_bytes(asked, setting.dtype.itemsize, setting.ranks)
            found += [] if engine is None else [Measurement("wire_engine", "bytes", [engine])]
            found.append(Measurement("wire", "bytes", [float(sent.num_bytes)]))
        return found

    def work(self, setting: Setting) -> dict[str, float]:
        """Over time these are algbw and busbw; of several sizes each has its own."""
        if self.from_bytes is not None:
            return {}
        busbw = ring_bytes(self.collective, self.num_bytes, setting.ranks)
        return {"algbw_bytes": float(self.num_bytes), "busbw_bytes": busbw}

    @abstractmethod
    def expected(self, contributions: Iterator[Tensor], setting: Setting) -> Tensor:
        """Compute exactly what this rank must get from everyone's contribution.

        They are drawn one at a time: of a large buffer there is no room for all of them at once.
        """


@dataclass(frozen=True)
class Rooted(Collective):
    """A collective in which one rank has what the others have not."""

    root: int = 0

    divides: ClassVar[bool] = False
    examples: ClassVar[tuple[dict[str, Plain], ...]] = ({"num_bytes": 4092, "root": 1},)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.root < 0:
            raise ValueError(f"expected root of at least 0, got {self.root}")

    def make_inputs(self, seed: int, setting: Setting) -> Contribution:
        if self.root >= setting.ranks:
            raise Unsupported(f"needs a root below {setting.ranks} ranks, got {self.root}")
        return super().make_inputs(seed, setting)


@dataclass(frozen=True)
class AllReduce(Collective):
    """Every rank puts in num_bytes and gets the sum."""

    collective: ClassVar[str] = "all_reduce"
    divides: ClassVar[bool] = False

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
        return _sum(_part(tensor, setting) for tensor in contributions)


@dataclass(frozen=True)
class AllToAll(Collective):
    """Every rank puts in num_bytes, a part for every rank, and gets its own part of everyone's."""

    collective: ClassVar[str] = "all_to_all"

    def expected(self, contributions: Iterator[Tensor], setting: Setting) -> Tensor:
        return torch.cat([_part(tensor, setting) for tensor in contributions])


@dataclass(frozen=True)
class Broadcast(Rooted):
    """Every rank but the root gets the num_bytes of the root, which gets nothing."""

    collective: ClassVar[str] = "broadcast"

    def expected(self, contributions: Iterator[Tensor], setting: Setting) -> Tensor:
        sent = list(contributions)[self.root]
        return sent[:0] if rank_of(setting) == self.root else sent


@dataclass(frozen=True)
class Reduce(Rooted):
    """Every rank puts in num_bytes; the root gets the sum, and any other rank nothing.

    What a library leaves in other ranks' buffers is its own affair.
    """

    collective: ClassVar[str] = "reduce"

    def expected(self, contributions: Iterator[Tensor], setting: Setting) -> Tensor:
        total = _sum(contributions)
        return total if rank_of(setting) == self.root else total[:0]


def _drawn(count: int, setting: Setting, generator: torch.Generator) -> Tensor:
    """Draw whole numbers that fill the dtype as far as sums over all ranks stay exact.

    Whole numbers of any size: what overflows wraps, wherever it is added up.
    """
    dtype = setting.dtype
    if dtype.is_floating_point:
        largest = max(int(2 / torch.finfo(dtype).eps) // setting.ranks, 1)
        return torch.randint(-largest, largest + 1, (count,), generator=generator).to(dtype)
    drawn = torch.randint(256, (count * dtype.itemsize,), generator=generator)
    return drawn.to(torch.uint8).view(dtype)


def _sum(tensors: Iterator[Tensor]) -> Tensor:
    """Add up without a second copy of the sum."""
    total = next(tensors).clone()
    for tensor in tensors:
        total += tensor
    return total


def _part(tensor: Tensor, setting: Setting) -> Tensor:
    """Return this rank's part of what is made of a part for every rank."""
    return tensor.chunk(setting.ranks)[rank_of(setting)]
