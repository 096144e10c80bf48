"""A training step under a precision policy: what is stored in which type, computed in which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from bench import Setting, Unsupported
from bench.compilation import Compiled
from bench.workload import Products, float32_products
from suites.models.checkpointing import checkpoint
from suites.models.drawn import first_weights
from suites.models.own_training import for_tensors
from suites.precision.workload import Batch, Workload, cast

# Every option pinned, so that policies differ in precision alone.
BETAS = (0.9, 0.95)
EPS = 1e-8
WEIGHT_DECAY = 0.1
GROWTH_INTERVAL = 2000  # torch's own


class Policy:
    """Weights and optimizer state in `storage`, products in `compute`: by autocast if they differ.

    With `scaled`, the loss is scaled and steps whose gradients overflow are skipped (Micikevicius
    et al. 2018, arXiv:1710.03740, section 3.2). `products` is how float32's are computed, while a
    phase lasts and no longer; `growth_interval` is after how many steps without overflow the scale
    doubles. There is no network before the first `reset`.
    """

    def __init__(
        self,
        problem: Workload,
        setting: Setting,
        *,
        storage: torch.dtype = torch.float32,
        compute: torch.dtype = torch.float32,
        scaled: bool = False,
        products: Products = "ieee",
        compiled: bool | None = None,
        growth_interval: int | None = None,
    ):
        self.growth_interval = growth_interval
        self.problem, self.setting = problem, setting
        self.storage, self.compute, self.scaled = storage, compute, scaled
        self.products, self.compiled = products, compiled

    def reset(self, seed: int = 0) -> None:
        """Start over: weights of this seed, a new optimizer, a new scale."""
        first = first_weights(self.problem, seed, self.setting.device)
        self.network = self.converted(first.to(self.setting.device, self.storage))
        checkpoint(self.problem.layers_of(self.network), self.problem.checkpointing)
        if self.compiled:
            self.network.compile(dynamic=False)
        self.optimizer = self.make_optimizer(list(self.network.parameters()))
        self.scaler = torch.amp.GradScaler(
            self.setting.device.type,
            enabled=self.scaled,
            growth_interval=self.growth_interval or GROWTH_INTERVAL,
        )
        self._steps = steps = Counter[str]()
        self.optimizer.register_step_post_hook(lambda *_: steps.update(["taken"]))

    def converted(self, network: nn.Module) -> nn.Module:
        """Exchange layers of the network for those of the policy."""
        return network

    def coarsened(self, network: nn.Module) -> nn.Module:
        """Have a network, cast to `compute`, err as the policy's layers may: for its check."""
        return network

    def make_optimizer(self, weights: list[Tensor]) -> torch.optim.Optimizer:
        """Return the optimizer of these weights, in torch's own form unless another is asked."""
        form = self.problem.adamw
        if form == "fused" and self.scaled:
            raise Unsupported("fused AdamW skips the steps that overflow itself, and tells of none")
        return adamw(weights, self.problem.learning_rate, **({form: True} if form else {}))

    def phases(self, batch: Batch) -> Generator[str, None, Tensor]:
        """Take one step; returns the loss, a scalar.

        Of several micro batches the gradients are summed where they are stored, in its type.
        """
        first, *others = self._pieces(cast(batch, self.storage))
        loss = self._forward(first)
        yield "forward"
        losses = [loss.detach()]
        for piece in others:
            self._backward(loss / (1 + len(others)))
            loss = self._forward(piece)
            losses.append(loss.detach())
        if others:
            yield "accumulating"
        self._backward(loss / (1 + len(others)) if others else loss)
        yield "backward"
        with self.numerics():
            self.update()
            self.optimizer.zero_grad()
        yield "optimizer"
        return torch.stack(losses).mean()

    def _pieces(self, batch: Batch) -> list[Batch]:
        count = self.problem.micro_batches or 1
        if count == 1:
            return [batch]
        return [for_tensors(partial(_every, count, i), batch) for i in range(count)]

    def _forward(self, batch: Batch) -> Tensor:
        with self.numerics():
            return self.problem.loss_of(self.output(batch), batch)

    def _backward(self, loss: Tensor) -> None:
        with self.numerics():
            self.scaler.scale(loss).backward()

    def update(self) -> None:
        """Let the optimizer step, unless gradients overflowed."""
        self._steps["asked"] += 1
        self.scaler.step(self.optimizer)
        self.scaler.update()

    def numerics(self) -> AbstractContextManager[None]:
        """Set torch's switches for a while, and put them back."""
        return float32_products(self.products)

    @property
    def skipped(self) -> int:
        """Count the steps that the scaler skipped; asking the scale would wait for the device."""
        return self._steps["asked"] - self._steps["taken"]

    def output(self, batch: Batch) -> Tensor:
        """Run the network under the policy."""
        kind = self.setting.device.type
        with (
            self.numerics(),
            torch.autocast(kind, self.compute, enabled=self.compute != self.storage),
        ):
            return self.problem.output(self.network, cast(batch, self.storage))

    def verify(self, batch: Batch) -> dict[str, str]:
        """Raise Unsupported where something else runs than was promised."""
        return Compiled(self.output, whole=False).verify(batch) if self.compiled else {}

    def gradients(self) -> list[Tensor]:
        """Return the gradients a backward pass has left, as they are stored (scaled)."""
        return [p.grad for p in self.network.parameters() if p.grad is not None]

    def weights(self) -> list[Tensor]:
        """Copy the trained weights, as exactly as the policy keeps them, to float64."""
        trained = (p.detach() for p in self.network.parameters() if p.requires_grad)
        return [weight.to(torch.float64, copy=True) for weight in trained]

    def scale(self) -> float:
        """Return the factor on the gradients: the scaler's, 1 without one."""
        return float(self.scaler.get_scale())

    def formula_bytes(self) -> float:
        """Return what parameters, gradients and optimizer state of one weight take by formula.

        AdamW keeps two moments (Rajbhandari et al. 2020, arXiv:1910.02054, section 3.1).
        """
        return 4 * self.storage.itemsize

    def tensors_by_kind(self) -> dict[str, list[Tensor]]:
        """List the model states as they are now."""
        states = [v for state in self.optimizer.state.values() for v in state.values()]
        return {
            "parameters": list(self.network.parameters()),
            "gradients": self.gradients(),
            "optimizer_state": [value for value in states if isinstance(value, Tensor)],
        }


def adamw(weights: list[Tensor], learning_rate: float, **more: Any) -> torch.optim.AdamW:
    """Return torch's AdamW as every policy has it."""
    return torch.optim.AdamW(
        weights, lr=learning_rate, betas=BETAS, eps=EPS, weight_decay=WEIGHT_DECAY, **more
    )


def expect_torchs(problem: Workload) -> None:
    """Raise Unsupported where a form of torch's AdamW is asked of a policy with its own."""
    if problem.adamw:
        raise Unsupported("has an AdamW of its own, in one form")


def _every(count: int, first: int, tensor: Tensor) -> Tensor:
    return tensor[first::count]


def finish(running: Generator[str, None, Tensor]) -> float:
    """Run what is left of a step; return its loss."""
    while True:
        try:
            next(running)
        except StopIteration as end:
            return float(end.value)
