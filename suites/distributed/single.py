"""One process at the whole global batch: what every strategy is compared with."""

from __future__ import annotations

from torch import nn

from bench import Setting, Unsupported, variant
from suites.distributed.problem import Training
from suites.distributed.strategy import Strategy, adamw, replica_bytes
from suites.distributed.theory import Layout


class Single(Strategy):
    """No communication: 16 Psi bytes."""

    def __init__(self, problem: Training, setting: Setting):
        if setting.ranks > 1:
            raise Unsupported("is one process; ask it with ranks=1")
        self._start(problem, setting)

    def wrap(self, network: nn.Module) -> None:
        self.network = network
        self.optimizer = adamw(list(network.parameters()))

    @staticmethod
    def predicted_bytes(layout: Layout) -> dict[str, float]:
        return replica_bytes(layout)

    @staticmethod
    def predicted_traffic(layout: Layout) -> dict[str, float]:
        return {}


@variant(marks=["alone"])
def single(problem: Training, *, setting: Setting) -> Single:
    """Train in one process."""
    return Single(problem, setting)
