"""One process with the whole batch: what every way over ranks is compared with."""

from __future__ import annotations

from torch import Tensor

from bench import Setting, Unsupported, variant
from suites.distributed.contrastive import ClipTraining, SiglipTraining
from suites.distributed.contrastive_step import ContrastiveStep
from suites.models.two_towers import Embedded


class Alone(ContrastiveStep):
    """All B^2 logits at once."""

    def loss(self, given: Embedded) -> Tensor:
        return self.problem.loss(given)

    def _expect_ranks(self, ranks: int) -> None:
        if ranks > 1:
            raise Unsupported("is one process; ask it with ranks=1")

    @staticmethod
    def predicted_logits(batch: int, ranks: int) -> int:
        return batch**2

    @staticmethod
    def predicted_traffic(batch: int, ranks: int, embedding: int) -> dict[str, float]:
        return {}


@variant(marks=["alone"])
def clip_alone(problem: ClipTraining, *, setting: Setting) -> Alone:
    """Softmax over the whole batch in one process."""
    return Alone(problem, setting)


@variant(marks=["alone"])
def siglip_alone(problem: SiglipTraining, *, setting: Setting) -> Alone:
    """Sigmoids over the whole batch in one process."""
    return Alone(problem, setting)
