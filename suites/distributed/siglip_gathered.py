"""SigLIP by rows: texts are gathered, and every rank computes the rows of its images."""

from __future__ import annotations

from torch import Tensor

from bench import Setting, variant
from suites.distributed.contrastive import SiglipTraining, pair_loss
from suites.distributed.contrastive_step import ContrastiveStep
from suites.distributed.gathering import gathered
from suites.distributed.workload import rank_of
from suites.models.two_towers import Embedded


class GatheredTexts(ContrastiveStep):
    """b x B logits on every rank; half of CLIP's traffic, since one side is enough."""

    def loss(self, given: Embedded) -> Tensor:
        first = rank_of(self.setting) * len(given.images_BD)
        return pair_loss(given, gathered(given.texts_BD), first)

    @staticmethod
    def predicted_logits(batch: int, ranks: int) -> int:
        return batch**2 // ranks

    @staticmethod
    def predicted_traffic(batch: int, ranks: int, embedding: int) -> dict[str, float]:
        whole = batch * embedding
        return {"all_gather": whole, "reduce_scatter": whole}


@variant
def siglip_gathered(problem: SiglipTraining, *, setting: Setting) -> GatheredTexts:
    """All-gather the texts and compute the loss of one's own images."""
    return GatheredTexts(problem, setting)
