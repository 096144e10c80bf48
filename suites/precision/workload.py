"""Workload: a network, its data and its loss, whatever the precision it is trained in."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from bench import DTYPES, Problem, Setting
from suites.models.own_training import for_tensors

FORMS = ("foreach", "fused")  # of torch's AdamW, beside the one it takes by itself
Batch = Any  # a tuple or dict of tensors


class Workload(Problem):
    """Subclass as a frozen dataclass with `network`, `draw`, `output` and `loss`.

    Every policy trains every workload: forward, backward and AdamW, weights drawn by seed.
    `num_steps` is the length of the loss trajectory. `rows_apart` promises that a row of the output
    depends on that row of the batch alone (no batch norm): a reference may then take a large batch
    in pieces.
    """

    passes: ClassVar[tuple[str, ...]] = ("train",)
    dtypes: ClassVar[tuple[str, ...]] = ("float32",)  # of data and first weights; policies differ
    computes_in: ClassVar[tuple[str, ...]] = DTYPES
    # an optimizer's first step imports Dynamo, for half a second or more; the workloads' own files
    # and the text are a fifth of what an attempt costs beside its calls
    preload: ClassVar[tuple[str, ...]] = (
        "torch._dynamo",
        "pydoc_data.topics",
        "suites.precision.problem",
    )
    convolutional: ClassVar[bool] = False
    rows_apart: ClassVar[bool] = False
    batch: int
    num_steps: int
    learning_rate: float = 1e-3
    # How a step is taken, whatever the policy; fields of the workloads that offer them.
    micro_batches: int | None = None
    checkpointing: str | None = None
    adamw: str | None = None

    @abstractmethod
    def network(self, seed: int) -> nn.Module:
        """Make the network on CPU in float32; equal seeds give equal weights."""

    @abstractmethod
    def draw(self, seed: int) -> Batch:
        """Draw a batch on CPU; floating tensors in float32."""

    @abstractmethod
    def output(self, network: nn.Module, batch: Batch) -> Tensor:
        """Run the network on a batch."""

    @abstractmethod
    def loss(self, output: Tensor, batch: Batch) -> Tensor:
        """Return the loss of an output, a scalar in at least float32."""

    def loss_of(self, output: Tensor, batch: Batch) -> Tensor:
        """Return the loss of what `output` gave."""
        return self.loss(output, batch)

    def layers_of(self, network: nn.Module) -> list[nn.Module]:
        """List the layers of a network that may be computed again in backward."""
        return []

    def exactly(self) -> AbstractContextManager[None]:
        """Return a context in which a float64 network computes in float64 throughout."""
        return nullcontext()

    def make_inputs(self, seed: int, setting: Setting) -> Batch:
        """Draw a batch and bring it to the device."""
        return for_tensors(lambda tensor: tensor.to(setting.device), self.draw(seed))

    def quality_calls(self, setting: Setting) -> int:
        """Count the steps of the policy, and of float32 beside it."""
        return 2 * self.num_steps

    def expect_positive(self, *names: str) -> None:
        """Raise ValueError where one of these fields is below 1."""
        for name in names:
            if getattr(self, name) < 1:
                raise ValueError(f"expected {name} of at least 1, got {getattr(self, name)}")

    def expect_way(self) -> None:
        """Raise ValueError where a step cannot be taken as it is asked."""
        count = self.micro_batches
        if count is not None and (count < 1 or self.batch % count):
            raise ValueError(f"expected micro_batches that divide {self.batch} rows, got {count}")
        if self.adamw not in (None, *FORMS):
            raise ValueError(f"expected adamw {' or '.join(FORMS)}, got {self.adamw!r}")


def cast(batch: Batch, dtype: torch.dtype) -> Batch:
    """Cast what is floating in a batch."""
    return for_tensors(lambda t: t.to(dtype) if t.is_floating_point() else t, batch)
