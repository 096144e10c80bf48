"""CLIP by rows: every rank computes its own rows of logits (OpenCLIP's `local_loss`)."""

from __future__ import annotations

from torch import Tensor

from bench import Setting, variant
from suites.distributed.contrastive import ClipTraining, choice_loss
from suites.distributed.contrastive_step import ContrastiveStep
from suites.distributed.gathering import gathered
from suites.distributed.workload import rank_of
from suites.models.two_towers import Embedded


class Local(ContrastiveStep):
    """b x B logits on every rank, of its images and of its texts; gradients are scattered back."""

    def loss(self, given: Embedded) -> Tensor:
        images_bD, texts_bD, scale = given.images_BD, given.texts_BD, given.scale
        first = rank_of(self.setting) * len(images_bD)
        of_images = choice_loss(scale * images_bD @ gathered(texts_bD).T, first)
        of_texts = choice_loss(scale * texts_bD @ gathered(images_bD).T, first)
        return 0.5 * (of_images + of_texts)

    @staticmethod
    def predicted_logits(batch: int, ranks: int) -> int:
        return batch**2 // ranks

    @staticmethod
    def predicted_traffic(batch: int, ranks: int, embedding: int) -> dict[str, float]:
        whole = 2 * batch * embedding
        return {"all_gather": whole, "reduce_scatter": whole}


@variant
def clip_local(problem: ClipTraining, *, setting: Setting) -> Local:
    """All-gather both sides and compute the loss of one's own rows."""
    return Local(problem, setting)
