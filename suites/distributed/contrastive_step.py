"""One way to spread a contrastive loss over ranks; the towers are replicated and averaged.

A way is one file: subclass with `loss`, how many logits it holds, and what it communicates. Ranks'
losses are averaged to that of the global batch, and so are their gradients.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator

import torch
from torch import Tensor

from bench import Phases, Setting, Unsupported
from suites.distributed.contrastive import Contrastive
from suites.distributed.ddp import replicated
from suites.distributed.strategy import adamw
from suites.models.drawn import first_weights
from suites.models.two_towers import Embedded, Pairs


class ContrastiveStep(ABC):
    """Towers, an optimizer, and the loss between them."""

    def __init__(self, problem: Contrastive, setting: Setting):
        self._expect_ranks(setting.ranks)
        self.problem, self.setting = problem, setting
        self._rebuild(0)

    def reset(self, seed: int = 0) -> None:
        """Go back to the initial weights of a seed and a new optimizer."""
        if self._steps or seed != self._seed:
            self._rebuild(seed)

    def step(self, batch: Pairs) -> Tensor:
        """Take one step outside the clock; return this rank's loss (1,)."""
        outputs: tuple[Tensor, ...] = Phases(self)(batch)
        return outputs[0]

    def phases(self, batch: Pairs) -> Generator[str, None, tuple[Tensor, ...]]:
        """Take one step, telling when each phase has ended."""
        self._steps += 1
        found = self.loss(self.embed(batch))
        yield "forward"
        found.backward()
        yield "backward"
        self.optimizer.step()
        self.optimizer.zero_grad()
        yield "optimizer"
        return (found.detach().reshape(1),)

    def embed(self, batch: Pairs) -> Embedded:
        """Send this rank's rows through the towers."""
        images_BD, texts_BD, scale, *bias = self.network(batch.images_BF, batch.texts_BF)
        return Embedded(images_BD, texts_BD, scale, bias[0] if bias else None)

    def gradients(self, batch: Pairs) -> tuple[Tensor, list[Tensor]]:
        """Return this rank's loss (1,) and the gradients of all parameters, and take no step."""
        found = self.loss(self.embed(batch))
        found.backward()
        taken = [
            torch.zeros_like(p) if p.grad is None else p.grad.clone()
            for p in self.network.parameters()
        ]
        self.optimizer.zero_grad()
        return found.detach().reshape(1), taken

    def tensors_by_kind(self) -> dict[str, list[Tensor]]:
        """List the model states this rank holds now."""
        states = self.optimizer.state.values()
        return {
            "parameters": list(self.network.parameters()),
            "gradients": [p.grad for p in self.network.parameters() if p.grad is not None],
            "optimizer_state": [v for s in states for v in s.values() if isinstance(v, Tensor)],
        }

    def _rebuild(self, seed: int) -> None:
        self._seed, self._steps = seed, 0
        network: torch.nn.Module = first_weights(self.problem, seed, self.setting.device)
        network = network.to(self.setting.device)
        self.optimizer = adamw(list(network.parameters()))
        self.network = replicated(network) if self.setting.ranks > 1 else network

    def _expect_ranks(self, ranks: int) -> None:
        if ranks < 2:
            raise Unsupported("needs at least two ranks")

    @abstractmethod
    def loss(self, given: Embedded) -> Tensor:
        """Compute this rank's loss; their mean is that of the global batch."""

    @staticmethod
    @abstractmethod
    def predicted_logits(batch: int, ranks: int) -> int:
        """Count the logits of the largest block that is computed at once."""

    @staticmethod
    @abstractmethod
    def predicted_traffic(batch: int, ranks: int, embedding: int) -> dict[str, float]:
        """Count the elements that the loss hands to each collective, forward and backward."""
