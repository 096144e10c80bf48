"""Training two towers to match pairs, by CLIP's softmax or SigLIP's sigmoid, on N ranks.

B is the global batch, b = B / N a rank's own, D the embedding. Every loss compares every image with
every text: B^2 logits. What differs is where they are computed, and how many live at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from bench import Call, Measurement, Setting, Verdict
from suites.distributed import contrastive_accounting, contrastive_agreement
from suites.distributed.contrastive_workload import ContrastiveWorkload
from suites.distributed.problem import TrainingCall
from suites.models.two_towers import Embedded, Pairs


@dataclass(frozen=True)
class Contrastive(ContrastiveWorkload):
    """A step that is held to one process; subclass with the loss."""

    def call(self, step: Any, setting: Setting) -> Call:
        return TrainingCall(step)

    def check(self, call: Call, inputs: Pairs, setting: Setting) -> Verdict:
        """Hold loss and gradients of a step to one process at the global batch, in float64."""
        assert isinstance(call, TrainingCall)
        return contrastive_agreement.check(self, call.strategy, inputs, setting)

    def account(self, built: Any, inputs: Pairs, setting: Setting) -> list[Measurement]:
        """Count what the loss holds and communicates, beside what its formula says."""
        return contrastive_accounting.account(self, built, inputs, setting)


@dataclass(frozen=True)
class ClipTraining(Contrastive):
    """Every image chooses among all texts, and every text among all images."""

    @staticmethod
    def loss(given: Embedded) -> Tensor:
        """Follow Radford et al. 2021 (arXiv:2103.00020), figure 3."""
        logits_BB = given.scale * given.images_BD @ given.texts_BD.T
        return 0.5 * (choice_loss(logits_BB) + choice_loss(logits_BB.T))


@dataclass(frozen=True)
class SiglipTraining(Contrastive):
    """Every image and text are a pair or not, each decided by itself."""

    with_bias: ClassVar[bool] = True

    @staticmethod
    def loss(given: Embedded) -> Tensor:
        """Follow Zhai et al. 2023 (arXiv:2303.15343), equation of section 3.2."""
        return pair_loss(given, given.texts_BD)


def choice_loss(logits: Tensor, first: int = 0) -> Tensor:
    """Average the cross entropy of rows whose pairs stand on the diagonal from column `first`."""
    own = torch.arange(first, first + len(logits), device=logits.device)
    return F.cross_entropy(logits, own)


def pair_loss(given: Embedded, texts_BD: Tensor, first: int = 0) -> Tensor:
    """Sum -log sigmoid(z logit) over images and texts, a number of rows; z is 1 for pairs, else -1.

    Of negatives it is softplus(logit), of positives softplus(logit) - logit.
    """
    assert given.bias is not None
    logits = given.scale * given.images_BD @ texts_BD.T + given.bias
    positives = logits.diagonal(first)[: len(logits)]
    return (F.softplus(logits).sum() - positives.sum()) / len(logits)
