"""Strategy: one way to spread a training step over ranks, and what it claims to cost.

A strategy is one file: subclass with `wrap`, the two predictions, and a variant that builds it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator
from typing import ClassVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from bench import Phases, Setting, Unsupported
from suites.distributed.adam import (
    ADAMW,
    adam_bytes,
    adamw,
    held_by,
    local,
    momenta,
    updated_bytes,
)
from suites.distributed.theory import Layout
from suites.distributed.workload import Batch, Workload, rounded, select, stored_in
from suites.models.drawn import first_weights
from suites.models.own_training import for_tensors

__all__ = ["ADAMW", "Strategy", "adam_bytes", "adamw", "replica_bytes"]


class Strategy(ABC):
    """A network, an optimizer and the collectives between them.

    `stage` is the row of the ZeRO paper this is to be held to: 0 replicates everything. Where its
    traffic is that of another row, `traffic_stage` says so. In mixed precision `wrap` is given a
    network of bfloat16 weights; one that `casts` them itself is given float32 ones. Options are
    set before `Strategy` is initialised, which builds the engine.
    """

    stage: ClassVar[int] = 0
    traffic_stage: ClassVar[int | None] = None
    casts: ClassVar[bool] = False
    as_paper: ClassVar[bool] = True  # else no row of the paper is about it
    one_group: ClassVar[bool] = True  # every collective is over all ranks
    micro_batches: int = 1  # of a rank, one after the other
    syncs: int = 1  # times that gradients are reduced in a step
    sends: torch.dtype | None = None  # what gradients are rounded to on their way, if to anything

    network: nn.Module
    optimizer: torch.optim.Optimizer
    _seed: int
    _steps: int  # taken since the weights were initial

    def __init__(self, problem: Workload, setting: Setting):
        if setting.ranks < 2:
            raise Unsupported("needs at least two ranks")
        self._start(problem, setting)

    def _start(self, problem: Workload, setting: Setting) -> None:
        self.problem, self.setting = problem, setting
        self.rebuild()

    def reset(self, seed: int = 0) -> None:
        """Go back to the initial weights of a seed and a new optimizer."""
        if self._steps or seed != self._seed:
            self.restore(seed)
            self._seed, self._steps = seed, 0

    def restore(self, seed: int) -> None:
        """Bring weights and optimizer back; by building the engine anew, unless it knows better."""
        self.release()
        self.rebuild(seed)

    def rebuild(self, seed: int = 0) -> None:
        """Build the engine after it was released."""
        self._seed, self._steps = seed, 0
        self.wrap(self.first(seed))

    def first(self, seed: int) -> nn.Module:
        """Make the network that the strategy starts from, on its device."""
        network = first_weights(self.problem, seed, self.setting.device).to(self.setting.device)
        if not self.problem.mixed:
            return network
        network = rounded(network)
        return network if self.casts else stored_in(self.dtype, network)

    @property
    def dtype(self) -> torch.dtype:
        """Return the type of the weights that the network computes with."""
        return torch.bfloat16 if self.problem.mixed else torch.float32

    def step(self, batch: Batch) -> Tensor:
        """Take one step outside the clock; return this rank's loss (1,)."""
        outputs: tuple[Tensor, ...] = Phases(self)(batch)
        return outputs[0]

    def phases(self, batch: Batch) -> Generator[str, None, tuple[Tensor, ...]]:
        """Take one step, telling when each phase has ended."""
        self._steps += 1
        first, *others = self.pieces(self.stored(batch))
        self.sync(not others)
        found = self.forward(first)
        yield "forward"
        losses = [found.detach()]
        for number, piece in enumerate(others, 1):
            self.backward(found / self.micro_batches)
            self.sync(number == len(others))
            found = self.forward(piece)
            losses.append(found.detach())
        if others:
            yield "accumulating"
        self.backward(found / self.micro_batches if others else found)
        yield "backward"
        self.update()
        yield "optimizer"
        return (torch.stack(losses).mean().reshape(1),)

    def sync(self, reduces: bool) -> None:
        """Say whether the next backward reduces gradients, or adds to this rank's own."""
        assert reduces, "expected a strategy that can add gradients up before it reduces them"

    def pieces(self, batch: Batch) -> list[Batch]:
        """Cut a rank's rows into the micro batches of a step."""
        count, own = self.micro_batches, self.problem.batch // self.setting.ranks
        if count == 1:
            return [batch]
        if own % count:
            raise Unsupported(f"needs rows of a rank that {count} micro batches share, got {own}")
        cuts = (slice(i, None, count) for i in range(count))
        return [Batch(select(batch.rows, cut, own), batch.seed) for cut in cuts]

    def stored(self, batch: Batch) -> Batch:
        """Cast what is floating in a batch to the type of the weights."""
        if not self.problem.mixed:
            return batch
        rows = for_tensors(lambda t: t.to(self.dtype) if t.is_floating_point() else t, batch.rows)
        return Batch(rows, batch.seed)

    # What a strategy of another engine replaces.

    @abstractmethod
    def wrap(self, network: nn.Module) -> None:
        """Set `network` and `optimizer` up for training on all ranks."""

    def forward(self, batch: Batch) -> Tensor:
        return self.problem.loss(self.network, batch.rows)

    def backward(self, found: Tensor) -> None:
        found.backward()

    def update(self) -> None:
        self.optimizer.step()
        self.optimizer.zero_grad()

    @property
    def updater(self) -> torch.optim.Optimizer:
        """Return the optimizer that has this rank's states."""
        return self.optimizer

    @property
    def copies(self) -> int:
        """Return how many ranks keep the same optimizer states."""
        return 1 if self.stage else self.setting.ranks

    def momentum(self) -> Tensor:
        """Return the norm of the first moments over all ranks, (1,) in float64.

        AdamW hides the size of a gradient from the weights; it shows here.
        """
        square = torch.zeros(1, dtype=torch.float64, device=self.setting.device)
        for found in momenta(self.updater):
            square += found.double().square().sum()
        if self.setting.ranks > 1:
            dist.all_reduce(square)
        return (square / self.copies).sqrt()

    def release(self) -> None:
        """Let go of the engine before another one is built."""
        del self.network, self.optimizer

    def tensors_by_kind(self) -> dict[str, list[Tensor]]:
        """List the model states this rank holds now."""
        parameters = [local(p) for p in self.network.parameters()]
        gradients = [local(p.grad) for p in self.network.parameters() if p.grad is not None]
        return {
            "parameters": parameters,
            "gradients": gradients,
            **held_by(self.updater),
        }

    def full_parameters(self) -> list[Tensor]:
        """Gather every parameter in order, on every rank."""
        return [p.detach() for p in self.network.parameters()]

    @staticmethod
    @abstractmethod
    def predicted_bytes(layout: Layout) -> dict[str, float]:
        """Return the engine's own accounting of a rank after backward: bytes by kind."""

    @staticmethod
    @abstractmethod
    def predicted_traffic(layout: Layout) -> dict[str, float]:
        """Return the elements a step hands to each collective, padding included."""

    @staticmethod
    def padding(layout: Layout) -> int:
        """Count the elements, over all ranks, that only make a partition's parts equally large."""
        return 0

    @staticmethod
    def unevenness(layout: Layout) -> float:
        """Count the elements of this rank's part beyond an equal one, where it is no padding."""
        return 0.0


def replica_bytes(layout: Layout) -> dict[str, float]:
    """Count everything, whole: 16 bytes a parameter."""
    whole = layout.itemsize * layout.num_parameters
    updated = updated_bytes(layout.num_parameters, len(layout.shapes), layout.mixed)
    return {"parameters": whole, "gradients": whole, **updated}
