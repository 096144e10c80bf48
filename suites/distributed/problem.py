"""What is asked: one AdamW step over a global batch that N ranks share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from bench import Call, Measurement, Phases, Plain, Setting, Verdict
from suites.distributed import accounting, agreement, exposed
from suites.distributed.workload import Batch, Workload, trajectory
from suites.models.gpt import GPT, GPTConfig, gpt, loss
from suites.models.text import Tokens, windows


class Training(Workload):
    """Any workload that N ranks can train: every strategy contests it."""

    contested_by: ClassVar[str] = "suites.distributed"

    def call(self, step: Any, setting: Setting) -> Call:
        """Return a call that takes one step and returns this rank's loss (1,)."""
        return TrainingCall(step)

    def check(self, call: Call, inputs: Batch, setting: Setting) -> Verdict:
        """Hold losses and parameters after a few steps to one process at the global batch."""
        assert isinstance(call, TrainingCall)
        return agreement.check(self, call.strategy, inputs, setting)

    def account(self, built: Any, inputs: Batch, setting: Setting) -> list[Measurement]:
        """Count bytes by kind and traffic by collective, beside what was predicted."""
        return accounting.account(self, built, inputs, setting)

    def overheads(self, built: Any, inputs: Batch, setting: Setting) -> list[Measurement]:
        """Time what ranks wait for in a step, and its collectives alone."""
        return exposed.overheads(built, inputs, setting)

    def quality(self, built: Any, seed: int, setting: Setting) -> list[Measurement]:
        """Return the loss of the global batch, step by step."""
        return trajectory(self, built, seed, setting)


@dataclass(frozen=True)
class DataParallelTraining(Training):
    """Forward, backward and AdamW on a GPT; `batch` is global, whatever the number of ranks.

    `data` is a text file of the user's own. `loss_steps` is the length of the loss trajectory.
    """

    batch: int = 8
    seqlen: int = 64
    num_layers: int = 2
    num_heads: int = 4
    dim: int = 128
    loss_steps: int = 20
    data: str | None = None
    precision: str = "float32"

    examples: ClassVar[tuple[dict[str, Plain], ...]] = (
        {"batch": 4, "seqlen": 16, "num_heads": 2, "dim": 32},
    )

    def __post_init__(self) -> None:
        self.expect_sizes()
        _ = self.config  # its own sizes are expected there

    @cached_property
    def config(self) -> GPTConfig:
        return GPTConfig(self.num_layers, self.num_heads, self.dim, self.seqlen)

    def network(self, seed: int) -> GPT:
        return gpt(self.config, seed)

    def shapes(self) -> tuple[tuple[int, ...], ...]:
        with torch.device("meta"):
            return tuple(tuple(p.shape) for p in GPT(self.config).parameters())

    def layers_of(self, network: nn.Module) -> list[nn.Module]:
        assert isinstance(network, GPT)
        return list(network.blocks)

    def make_batch(self, seed: int) -> Tokens:
        return windows(seed, self.batch, self.seqlen, self.data)

    def loss(self, module: nn.Module, batch: Tokens) -> Tensor:
        return loss(module(batch.inputs_BS), batch.targets_BS)

    def expect_files(self) -> None:
        """Read the user's text, and a window of it."""
        windows(0, 1, self.seqlen, self.data)

    def flops(self, setting: Setting) -> int:
        """Count the products of forward, twice as many for backward; all ranks together."""
        return 3 * self.config.matmul_flops(self.batch * self.seqlen)

    def work(self, setting: Setting) -> dict[str, float]:
        return {"tokens": float(self.batch * self.seqlen)}


class TrainingCall:
    """One step as the instrument calls it; the check asks the strategy behind it for more."""

    def __init__(self, step: Phases):
        self.step = step

    def __call__(self, batch: Batch) -> tuple[Tensor, ...]:
        outputs: tuple[Tensor, ...] = self.step(batch)
        return outputs

    @property
    def strategy(self) -> Any:
        return self.step.built
