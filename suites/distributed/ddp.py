"""Replicas that average their gradients: Li et al. 2020, PyTorch Distributed (arXiv:2006.15704)."""

from __future__ import annotations

from torch import nn

from bench import Setting, variant
from suites.distributed.problem import Training
from suites.distributed.strategy import Strategy, adamw, replica_bytes
from suites.distributed.theory import Layout


class Ddp(Strategy):
    """torch's DistributedDataParallel; gradients live in its buckets, not beside them."""

    def wrap(self, network: nn.Module) -> None:
        self.network = replicated(network)
        self.optimizer = adamw(list(network.parameters()))

    @staticmethod
    def predicted_bytes(layout: Layout) -> dict[str, float]:
        return replica_bytes(layout)

    @staticmethod
    def predicted_traffic(layout: Layout) -> dict[str, float]:
        return {"all_reduce": layout.num_parameters}


def replicated(network: nn.Module) -> nn.Module:
    """Wrap a network so that backward leaves the mean gradient on every rank."""
    from torch.nn.parallel import DistributedDataParallel

    # tables are alike everywhere, and what would collect something from rows is not shared out
    return DistributedDataParallel(network, gradient_as_bucket_view=True, broadcast_buffers=False)


@variant
def ddp(problem: Training, *, setting: Setting) -> Ddp:
    """Replicate everything and all-reduce the gradients while backward runs."""
    return Ddp(problem, setting)
