"""CLIP as it is written down: every rank computes all logits (OpenCLIP without `local_loss`)."""

from __future__ import annotations

from torch import Tensor

from bench import Setting, variant
from suites.distributed.contrastive import ClipTraining
from suites.distributed.contrastive_step import ContrastiveStep
from suites.distributed.gathering import gathered_alike
from suites.models.two_towers import Embedded


class Gathered(ContrastiveStep):
    """B^2 logits on every rank, computed N times over all of them; nothing is sent back."""

    def loss(self, given: Embedded) -> Tensor:
        images_BD, texts_BD = gathered_alike(given.images_BD), gathered_alike(given.texts_BD)
        return self.problem.loss(Embedded(images_BD, texts_BD, given.scale, given.bias))

    @staticmethod
    def predicted_logits(batch: int, ranks: int) -> int:
        return batch**2

    @staticmethod
    def predicted_traffic(batch: int, ranks: int, embedding: int) -> dict[str, float]:
        return {"all_gather": 2 * batch * embedding}


@variant
def clip_gathered(problem: ClipTraining, *, setting: Setting) -> Gathered:
    """All-gather both sides and compute the whole loss on every rank."""
    return Gathered(problem, setting)
