"""Attention in the shapes people have, and in those they do not expect: a seeded stream of them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch

from bench.cases.setting import Setting
from bench.checking.operator import Operands
from suites.attention.problem import LinearAttention, SoftmaxAttention

DTYPES = (torch.float32, torch.bfloat16, torch.float16)
LENGTHS = (1, 2, 3, 5, 7, 16, 17, 33, 64, 100, 128, 257)
LONG = (*LENGTHS, 1000, 1024, 4096)
WINDOWS = (1, 3, 16, 64)
HEAD_DIMS = (1, 2, 7, 16, 32, 64, 80, 128)

Attention = TypeVar("Attention", SoftmaxAttention, LinearAttention, covariant=True)


@dataclass(frozen=True)
class Shape(Generic[Attention]):
    """One question: a problem in a setting, with the seed of its inputs."""

    problem: Attention
    setting: Setting
    seed: int

    @property
    def kind(self) -> str:
        """Name what is special about the shape."""
        if isinstance(self.problem, LinearAttention):
            return "linear"
        if self.problem.seqlen_q == 1:
            return "decode"
        return "grouped" if self.problem.kv_heads < self.problem.num_heads else "plain"

    def inputs(self) -> Operands:
        """Draw the inputs; gradients are recorded only where they are asked for."""
        torch.set_grad_enabled(self.setting.backward)
        return self.problem.make_inputs(self.seed, self.setting)


def any_shapes(count: int, seed: int) -> Iterator[Shape[SoftmaxAttention] | Shape[LinearAttention]]:
    """Yield shapes with lengths from 1, head_dim from 1, masks, windows, groups and decode."""
    rng = random.Random(seed)
    for _ in range(count):
        if rng.random() < 0.15:
            yield _asked(rng, _linear(rng))
        else:
            yield _asked(rng, _softmax(rng, LENGTHS, HEAD_DIMS, WINDOWS))


def large_shapes(count: int, seed: int) -> Iterator[Shape[SoftmaxAttention]]:
    """Yield softmax attention whose every length, window and head_dim is at least 16."""
    rng = random.Random(seed)
    lengths = [n for n in LENGTHS if n >= 16]
    dims = [d for d in HEAD_DIMS if d >= 16]
    windows = [w for w in WINDOWS if w >= 16]
    for _ in range(count):
        yield _asked(rng, _softmax(rng, lengths, dims, windows, decode=False))


def _asked(rng: random.Random, problem: Attention) -> Shape[Attention]:
    pass_ = rng.choice(("fwd", "fwd_bwd"))
    setting = Setting(rng.choice(DTYPES), torch.device("cpu"), pass_)
    return Shape(problem, setting, rng.randrange(1 << 16))


def _linear(rng: random.Random) -> LinearAttention:
    return LinearAttention(
        batch=rng.choice((1, 2)),
        num_heads=rng.choice((1, 2, 4)),
        seqlen=rng.choice(LENGTHS),
        head_dim=rng.choice(HEAD_DIMS),
        causal=rng.random() < 0.5,
    )


def _softmax(
    rng: random.Random,
    lengths: Sequence[int],
    head_dims: Sequence[int],
    windows: Sequence[int],
    decode: bool = True,
) -> SoftmaxAttention:
    num_heads = rng.choice((1, 2, 4, 6))
    groups = [k for k in (1, 2, 3) if num_heads % k == 0]
    queries, what = rng.choice(lengths), rng.random()
    values = {
        "batch": rng.choice((1, 1, 2)),
        "num_heads": num_heads,
        "num_kv_heads": rng.choice(groups) if rng.random() < 0.4 else None,
        "seqlen_q": queries,
        "head_dim": rng.choice(head_dims),
        "causal": rng.random() < 0.5,
    }
    if decode and what < 0.3:
        values |= {"seqlen_q": 1, "seqlen_kv": rng.choice(LONG)}
    elif what < 0.5:
        values |= {"seqlen_kv": queries + rng.choice((1, 5, 64, 200))}
    elif what < 0.65:
        values |= {"window": rng.choice(windows)}
    return SoftmaxAttention(**values)  # type: ignore[arg-type]
