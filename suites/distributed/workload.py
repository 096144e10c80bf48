"""The work itself: a GPT, a global batch, and the rows of it that are one rank's.

Shapes: B this rank's rows, S seqlen.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import torch
import torch.distributed as dist
from torch import Tensor

from bench import Measurement, Plain, Problem, Setting, Unsupported
from suites.models.gpt import GPT, GPTConfig, gpt
from suites.models.text import Tokens, windows

SEEDS_APART = 1_000_000  # batches of one seed never meet those of another


@dataclass(frozen=True)
class Batch:
    """One rank's rows of a global batch, and the seed the whole of it was drawn from."""

    inputs_BS: Tensor
    targets_BS: Tensor
    seed: int


@dataclass(frozen=True)
class Workload(Problem):
    """Training a GPT on a batch that is global, whatever the number of ranks.

    `data` is a text file of the user's own. `loss_steps` is the length of the loss trajectory.
    """

    batch: int = 8
    seqlen: int = 64
    num_layers: int = 2
    num_heads: int = 4
    dim: int = 128
    loss_steps: int = 20
    data: str | None = None

    passes: ClassVar[tuple[str, ...]] = ("train",)
    dtypes: ClassVar[tuple[str, ...]] = ("float32",)
    ranks: ClassVar[tuple[int, ...]] = (1, 2)
    # What a first optimizer step and FSDP import, and the compiler, which DeepSpeed's engine wants
    # for an optimizer of its own. DeepSpeed itself looks for devices, so it is not here.
    preload: ClassVar[tuple[str, ...]] = (
        "torch._dynamo",
        "torch._inductor.compile_fx",
        "torch.distributed.device_mesh",
        "torch.distributed.fsdp",
        "torch.distributed.optim",
    )
    examples: ClassVar[tuple[dict[str, Plain], ...]] = (
        {"batch": 4, "seqlen": 16, "num_heads": 2, "dim": 32},
    )

    def __post_init__(self) -> None:
        for name in ("batch", "loss_steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"expected {name} of at least 1, got {getattr(self, name)}")
        _ = self.config  # its own sizes are expected there

    @cached_property
    def config(self) -> GPTConfig:
        return GPTConfig(self.num_layers, self.num_heads, self.dim, self.seqlen)

    def network(self, seed: int) -> GPT:
        """Make the network on CPU; equal seeds give equal weights."""
        return gpt(self.config, seed)

    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Return the shapes of the parameters in order, without making any."""
        with torch.device("meta"):
            return tuple(tuple(p.shape) for p in GPT(self.config).parameters())

    def global_batch(self, seed: int, device: torch.device) -> Tokens:
        """Draw the whole batch; every rank draws the same."""
        tokens = windows(seed, self.batch, self.seqlen, self.data)
        return Tokens(tokens.inputs_BS.to(device), tokens.targets_BS.to(device))

    def make_inputs(self, seed: int, setting: Setting) -> Batch:
        """Draw the global batch and keep this rank's rows."""
        if self.batch % setting.ranks:
            raise Unsupported(
                f"needs a batch divisible by ranks, got {self.batch} and {setting.ranks}"
            )
        rows = slice(rank_of(setting), None, setting.ranks)
        tokens = self.global_batch(seed, setting.device)
        return Batch(
            tokens.inputs_BS[rows].contiguous(), tokens.targets_BS[rows].contiguous(), seed
        )

    def quality_calls(self, setting: Setting) -> int:
        return self.loss_steps

    def flops(self, setting: Setting) -> int:
        """Count the products of forward, twice as many for backward; all ranks together."""
        return 3 * self.config.matmul_flops(self.batch * self.seqlen)

    def work(self, setting: Setting) -> dict[str, float]:
        return {"tokens": float(self.batch * self.seqlen)}


def rank_of(setting: Setting) -> int:
    """Return this process's rank; 0 where it is alone and has no process group."""
    return dist.get_rank() if setting.ranks > 1 else 0


def mean_over_ranks(found: Tensor) -> float:
    """Average a loss (1,) over ranks, each of which has equally many rows."""
    mean = found.detach().double().clone()
    if dist.is_initialized():
        dist.all_reduce(mean)
        mean /= dist.get_world_size()
    return float(mean)


def trajectory(problem: Any, built: Any, seed: int, setting: Setting) -> list[Measurement]:
    """Train from the first weights of a seed; return the loss over all ranks, step by step."""
    built.reset(seed)
    losses = [
        mean_over_ranks(built.step(problem.make_inputs(SEEDS_APART * (seed + 1) + i, setting)))
        for i in range(problem.loss_steps)
    ]
    return [Measurement("loss", "1", losses), Measurement("final_loss", "1", losses[-1:])]
