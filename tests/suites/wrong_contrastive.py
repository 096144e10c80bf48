"""Contrastive steps whose loss is right and whose gradients are not, or the other way round."""

from __future__ import annotations

from bench import Setting, variant
from suites.distributed.clip_gathered import Gathered
from suites.distributed.clip_local import Local
from suites.distributed.contrastive import ClipTraining, SiglipTraining, pair_loss
from suites.distributed.contrastive_step import ContrastiveStep
from suites.distributed.gathering import gathered
from suites.distributed.siglip_ring import Ring
from suites.models.two_towers import Embedded


def without_texts_gradient(given: Embedded) -> Embedded:
    return Embedded(given.images_BD, given.texts_BD.detach(), given.scale, given.bias)


class LosesGradients(Ring):
    """Texts' gradients never come home."""

    def loss(self, given):
        return super().loss(without_texts_gradient(given))


class LocalNegatives(Ring):
    """A rank's own texts are all there are."""

    def loss(self, given):
        return pair_loss(given, given.texts_BD)


class Halves(Gathered):
    """OpenCLIP without `gather_with_grad`: gradients are an N-th, which Adam hides."""

    def loss(self, given):
        return super().loss(given) / self.setting.ranks + (
            super().loss(given).detach() * (1 - 1 / self.setting.ranks)
        )


class FirstRows(Local):
    """Every rank takes its pairs for those of rank 0."""

    def loss(self, given):
        images, texts = gathered(given.images_BD), gathered(given.texts_BD)
        return self.problem.loss(Embedded(images.roll(1, 0), texts, given.scale, given.bias))


@variant
def loses_gradients(problem: SiglipTraining, *, setting: Setting) -> ContrastiveStep:
    return LosesGradients(problem, setting)


@variant
def local_negatives(problem: SiglipTraining, *, setting: Setting) -> ContrastiveStep:
    return LocalNegatives(problem, setting)


@variant
def halves(problem: ClipTraining, *, setting: Setting) -> ContrastiveStep:
    return Halves(problem, setting)


@variant
def first_rows(problem: ClipTraining, *, setting: Setting) -> ContrastiveStep:
    return FirstRows(problem, setting)
