"""A training step under a precision policy: what is stored in which type, computed in which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator

import torch
from torch import Tensor

from bench import Setting
from suites.models.drawn import first_weights
from suites.precision.workload import Batch, Workload

# Every option pinned, so that policies differ in precision alone.
LEARNING_RATE = 1e-3
BETAS = (0.9, 0.95)
EPS = 1e-8
WEIGHT_DECAY = 0.1


class Policy:
    """Weights and optimizer state in `storage`, products in `compute`: by autocast if they differ.

    With `scaled`, the loss is scaled and steps whose gradients overflow are skipped (Micikevicius
    et al. 2018, arXiv:1710.03740, section 3.2). There is no network before the first `reset`.
    """

    def __init__(
        self,
        problem: Workload,
        setting: Setting,
        *,
        storage: torch.dtype = torch.float32,
        compute: torch.dtype = torch.float32,
        scaled: bool = False,
    ):
        self.problem, self.setting = problem, setting
        self.storage, self.compute, self.scaled = storage, compute, scaled

    def reset(self, seed: int = 0) -> None:
        """Start over: weights of this seed, a new optimizer, a new scale."""
        first = first_weights(self.problem, seed, self.setting.device)
        self.network = first.to(self.setting.device, self.storage)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(),
            lr=LEARNING_RATE,
            betas=BETAS,
            eps=EPS,
            weight_decay=WEIGHT_DECAY,
        )
        self.scaler = torch.amp.GradScaler(self.setting.device.type, enabled=self.scaled)
        self._steps = steps = Counter[str]()
        self.optimizer.register_step_post_hook(lambda *_: steps.update(["taken"]))

    def phases(self, batch: Batch) -> Generator[str, None, Tensor]:
        """Take one step; returns the loss, a scalar."""
        batch = self._stored(batch)
        loss = self.problem.loss(self.output(batch), batch)
        yield "forward"
        self.scaler.scale(loss).backward()
        yield "backward"
        self.update()
        self.optimizer.zero_grad()
        yield "optimizer"
        return loss.detach()

    def update(self) -> None:
        """Let the optimizer step, unless gradients overflowed."""
        self._steps["asked"] += 1
        self.scaler.step(self.optimizer)
        self.scaler.update()

    @property
    def skipped(self) -> int:
        """Count the steps that the scaler skipped; asking the scale would wait for the device."""
        return self._steps["asked"] - self._steps["taken"]

    def output(self, batch: Batch) -> Tensor:
        """Run the network under the policy."""
        kind = self.setting.device.type
        with torch.autocast(kind, self.compute, enabled=self.compute != self.storage):
            return self.problem.output(self.network, self._stored(batch))

    def gradients(self) -> list[Tensor]:
        """Return the gradients a backward pass has left, as they are stored (scaled)."""
        return [p.grad for p in self.network.parameters() if p.grad is not None]

    def scale(self) -> float:
        """Return the factor on the gradients: the scaler's, 1 without one."""
        return float(self.scaler.get_scale())

    def tensors_by_kind(self) -> dict[str, list[Tensor]]:
        """List the model states as they are now."""
        states = [v for state in self.optimizer.state.values() for v in state.values()]
        return {
            "parameters": list(self.network.parameters()),
            "gradients": self.gradients(),
            "optimizer_state": [value for value in states if isinstance(value, Tensor)],
        }

    def _stored(self, batch: Batch) -> Batch:
        """Cast what is floating in a batch to the type of the weights."""
        return tuple(t.to(self.storage) if t.is_floating_point() else t for t in batch)


def finish(running: Generator[str, None, Tensor]) -> float:
    """Run what is left of a step; return its loss."""
    while True:
        try:
            next(running)
        except StopIteration as end:
            return float(end.value)
