"""One process at the whole global batch: what every strategy is compared with."""

from __future__ import annotations

from torch import nn

from bench import Setting, Unsupported, variant
from suites.distributed.problem import Training
from suites.distributed.strategy import Strategy, adamw, replica_bytes
from suites.distributed.theory import Layout
from suites.models.checkpointing import checkpoint


class Single(Strategy):
    """No communication: 16 Psi bytes."""

    def __init__(
        self,
        problem: Training,
        setting: Setting,
        micro_batches: int | None = None,
        checkpointing: str | None = None,
    ):
        if setting.ranks > 1:
            raise Unsupported("is one process; ask it with ranks=1")
        self.micro_batches, self.checkpointing = micro_batches or 1, checkpointing
        self._start(problem, setting)

    def wrap(self, network: nn.Module) -> None:
        checkpoint(self.problem.layers_of(network), self.checkpointing)
        self.network = network
        self.optimizer = adamw(list(network.parameters()))

    def sync(self, reduces: bool) -> None:
        """Add gradients up: there is nobody to reduce them with."""

    @staticmethod
    def predicted_bytes(layout: Layout) -> dict[str, float]:
        return replica_bytes(layout)

    @staticmethod
    def predicted_traffic(layout: Layout) -> dict[str, float]:
        return {}


@variant(marks=["alone"])
def single(
    problem: Training,
    *,
    setting: Setting,
    micro_batches: int | None = None,
    checkpointing: str | None = None,
) -> Single:
    """Train in one process.

    `micro_batches` accumulates gradients; `checkpointing` (full, sqrt, selective) keeps fewer
    activations and computes them again.
    """
    return Single(problem, setting, micro_batches, checkpointing)
