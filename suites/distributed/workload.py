"""What a training by ranks is made of: a network, a global batch, and the rows of one rank.

A batch is a tuple, a dict or a nest of tensors whose first dimension is the rows.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from bench import Measurement, Problem, Setting, Unsupported
from bench.workload import tensors_in
from suites.distributed.theory import PRECISIONS
from suites.models.own_training import for_tensors

SEEDS_APART = 1_000_000  # batches of one seed never meet those of another


@dataclass(frozen=True)
class Batch:
    """One rank's rows of a global batch, and the seed the whole of it was drawn from."""

    rows: Any
    seed: int


class Workload(Problem):
    """Subclass as a frozen dataclass with `batch`, `loss_steps` and `precision`.

    Every strategy trains every workload: forward, backward and AdamW, on a batch that is global,
    whatever the number of ranks. `precision` is `float32`, or `bf16_mixed`: weights and gradients
    in bfloat16, which begin as numbers that it has, with float32 master weights and moments.
    """

    passes: ClassVar[tuple[str, ...]] = ("train",)
    dtypes: ClassVar[tuple[str, ...]] = ("float32",)  # of what is drawn; see `precision`
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
    batch: int
    loss_steps: int
    precision: str

    def expect_sizes(self) -> None:
        """Raise ValueError where a field that all workloads have makes no sense."""
        for name in ("batch", "loss_steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"expected {name} of at least 1, got {getattr(self, name)}")
        if self.precision not in PRECISIONS:
            raise ValueError(
                f"expected precision {' or '.join(PRECISIONS)}, got {self.precision!r}"
            )

    @abstractmethod
    def network(self, seed: int) -> nn.Module:
        """Make the network on CPU in float32; equal seeds give equal weights."""

    @abstractmethod
    def make_batch(self, seed: int) -> Any:
        """Draw the whole batch on CPU; every rank draws the same."""

    @abstractmethod
    def loss(self, module: nn.Module, batch: Any) -> Tensor:
        """Return the mean loss over the rows of a batch, a scalar."""

    @abstractmethod
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Return the shapes of the parameters in order, without making any."""

    @abstractmethod
    def layers_of(self, network: nn.Module) -> Sequence[nn.Module]:
        """Return the layers that are sharded, gathered and recomputed one by one."""

    def exactly(self) -> AbstractContextManager[object]:
        """Return a context in which a float64 network computes in float64 throughout."""
        return nullcontext()

    @property
    def mixed(self) -> bool:
        return self.precision == "bf16_mixed"

    @property
    def itemsize(self) -> int:
        """Return the bytes of a weight as the network computes with it."""
        return 2 if self.mixed else 4

    @property
    def computes_in(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("bfloat16",) if self.mixed else ()

    def first(self, seed: int) -> nn.Module:
        """Make the network in float32, with weights that the precision has."""
        network = self.network(seed)
        return rounded(network) if self.mixed else network

    def global_batch(self, seed: int, device: torch.device) -> Any:
        """Draw the whole batch and bring it to a device."""
        return for_tensors(lambda tensor: tensor.to(device), self.make_batch(seed))

    def make_inputs(self, seed: int, setting: Setting) -> Batch:
        """Draw the global batch and keep this rank's rows."""
        if self.batch % setting.ranks:
            raise Unsupported(
                f"needs a batch divisible by ranks, got {self.batch} and {setting.ranks}"
            )
        mine = slice(rank_of(setting), None, setting.ranks)
        return Batch(select(self.global_batch(seed, setting.device), mine, self.batch), seed)

    def quality_calls(self, setting: Setting) -> int:
        return self.loss_steps


def stored_in(dtype: torch.dtype, network: nn.Module) -> nn.Module:
    """Change the type of all floating weights, and in float64 of tables too, in place."""
    if dtype == torch.float64:
        return network.double()
    for weight in network.parameters():
        if weight.is_floating_point():
            weight.data = weight.data.to(dtype)
    return network


def select(batch: Any, rows: slice, expected: int) -> Any:
    """Return these rows of every tensor; Unsupported where one has other than `expected` rows."""
    odd = [tuple(t.shape) for t in tensors_in(batch) if not t.dim() or len(t) != expected]
    if odd:
        raise Unsupported(f"needs a batch of {expected} rows in every tensor, got shape {odd[0]}")
    return for_tensors(lambda tensor: tensor[rows].contiguous(), batch)


def rounded(network: nn.Module) -> nn.Module:
    """Round float32 weights to bfloat16's numbers, and leave them in float32."""
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(weight.bfloat16())
    return network


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
