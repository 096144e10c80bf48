"""Strategy: one way to spread a training step over ranks, and what it claims to cost.

A strategy is one file: subclass with `wrap`, the two predictions, and a variant that builds it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from bench import Phases, Setting, Unsupported
from suites.distributed.theory import Layout
from suites.distributed.workload import Batch, Workload
from suites.models.drawn import first_weights
from suites.models.gpt import loss

# Every option of the optimizer is pinned, so that all strategies take the same step.
ADAMW: dict[str, Any] = {"lr": 1e-3, "betas": (0.9, 0.95), "eps": 1e-8, "weight_decay": 0.1}
STEP_COUNTER_BYTES = 4  # AdamW keeps how many steps it took, once a tensor, in float32


class Strategy(ABC):
    """A network, an optimizer and the collectives between them.

    `stage` is the row of the ZeRO paper this is to be held to: 0 replicates everything. Where its
    traffic is that of another row, `traffic_stage` says so.
    """

    stage: ClassVar[int] = 0
    traffic_stage: ClassVar[int | None] = None

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
        first = first_weights(self.problem, seed, self.setting.device)
        self.wrap(first.to(self.setting.device))

    def step(self, batch: Batch) -> Tensor:
        """Take one step outside the clock; return this rank's loss (1,)."""
        outputs: tuple[Tensor, ...] = Phases(self)(batch)
        return outputs[0]

    def phases(self, batch: Batch) -> Generator[str, None, tuple[Tensor, ...]]:
        """Take one step, telling when each phase has ended."""
        self._steps += 1
        found = self.forward(batch)
        yield "forward"
        self.backward(found)
        yield "backward"
        self.update()
        yield "optimizer"
        return (found.detach().reshape(1),)

    # What a strategy of another engine replaces.

    @abstractmethod
    def wrap(self, network: nn.Module) -> None:
        """Set `network` and `optimizer` up for training on all ranks."""

    def forward(self, batch: Batch) -> Tensor:
        return loss(self.network(batch.inputs_BS), batch.targets_BS)

    def backward(self, found: Tensor) -> None:
        found.backward()

    def update(self) -> None:
        self.optimizer.step()
        self.optimizer.zero_grad()

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
            "optimizer_state": state_tensors(self.optimizer),
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


def adamw(parameters: list[nn.Parameter]) -> torch.optim.AdamW:
    """Make the optimizer all strategies share."""
    return torch.optim.AdamW(parameters, **ADAMW)


def local(tensor: Tensor) -> Tensor:
    """Return this rank's part of a distributed tensor, any other tensor as it is."""
    to_local = getattr(tensor, "to_local", None)
    return tensor if to_local is None else to_local()


def state_tensors(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """List the optimizer's own tensors: momentum, variance, step counters."""
    states = optimizer.state.values()
    return [local(v) for state in states for v in state.values() if isinstance(v, Tensor)]


def adam_bytes(num_elements: float, num_tensors: int) -> float:
    """Count momentum and variance in float32, and a step counter for every tensor."""
    return 8 * num_elements + STEP_COUNTER_BYTES * num_tensors
