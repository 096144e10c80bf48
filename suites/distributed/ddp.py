"""Replicas that average their gradients: Li et al. 2020, PyTorch Distributed (arXiv:2006.15704)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from bench import Setting, variant
from suites.distributed import ddp_hooks
from suites.distributed.problem import Training
from suites.distributed.strategy import Strategy, adamw, replica_bytes
from suites.distributed.theory import Layout


@dataclass(frozen=True)
class Options:
    """DDP's own; None is what this suite takes everywhere else.

    `hook` is what gradients go through: fp16 or bf16 (rounded to it on their way) or powersgd.
    Without `no_sync`, every micro batch reduces its gradients.
    """

    bucket_cap_mb: int | None = None
    gradient_as_bucket_view: bool | None = None
    static_graph: bool | None = None
    micro_batches: int | None = None
    no_sync: bool | None = None
    hook: str | None = None

    def keywords(self) -> dict[str, Any]:
        named = {"bucket_cap_mb": self.bucket_cap_mb, "static_graph": self.static_graph}
        given = {name: value for name, value in named.items() if value is not None}
        return {"gradient_as_bucket_view": self.gradient_as_bucket_view is not False, **given}


class Ddp(Strategy):
    """torch's DistributedDataParallel; gradients live in its buckets, not beside them."""

    def __init__(self, problem: Training, setting: Setting, options: Options | None = None):
        self.options = options or Options()
        self.micro_batches = self.options.micro_batches or 1
        self.syncs = self.micro_batches if self.options.no_sync is False else 1
        super().__init__(problem, setting)

    def wrap(self, network: nn.Module) -> None:
        self.network = replicated(network, **self.options.keywords())
        self.optimizer = adamw(list(network.parameters()))
        if self.options.hook:
            self.sends = ddp_hooks.register(self.network, self.options.hook)

    def sync(self, reduces: bool) -> None:
        """Reduce at the last micro batch, as `no_sync` does, unless every one is to."""
        wanted = reduces or self.options.no_sync is False
        self.network.require_backward_grad_sync = wanted  # type: ignore[assignment]

    @staticmethod
    def predicted_bytes(layout: Layout) -> dict[str, float]:
        return replica_bytes(layout)

    @staticmethod
    def predicted_traffic(layout: Layout) -> dict[str, float]:
        return {"all_reduce": layout.num_parameters}


def replicated(network: nn.Module, **options: Any) -> nn.Module:
    """Wrap a network so that backward leaves the mean gradient on every rank."""
    from torch.nn.parallel import DistributedDataParallel

    # tables are alike everywhere, and what would collect something from rows is not shared out
    options = {"gradient_as_bucket_view": True, "broadcast_buffers": False, **options}
    return DistributedDataParallel(network, **options)


@variant
def ddp(
    problem: Training,
    *,
    setting: Setting,
    bucket_cap_mb: int | None = None,
    gradient_as_bucket_view: bool | None = None,
    static_graph: bool | None = None,
    micro_batches: int | None = None,
    no_sync: bool | None = None,
    hook: str | None = None,
) -> Ddp:
    """Replicate everything and all-reduce the gradients while backward runs."""
    options = Options(
        bucket_cap_mb, gradient_as_bucket_view, static_graph, micro_batches, no_sync, hook
    )
    return Ddp(problem, setting, options)
