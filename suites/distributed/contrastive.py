"""Training two towers to match pairs, by CLIP's softmax or SigLIP's sigmoid, on N ranks.

B is the global batch, b = B / N a rank's own, D the embedding. Every loss compares every image with
every text: B^2 logits. What differs is where they are computed, and how many live at a time.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from bench import Call, Measurement, Plain, Problem, Setting, Unsupported, Verdict
from suites.distributed import contrastive_accounting, contrastive_agreement
from suites.distributed.problem import SEEDS_APART, TrainingCall
from suites.distributed.workload import mean_over_ranks, rank_of
from suites.models.two_towers import Embedded, Pairs, TwoTowers, pairs, two_towers


@dataclass(frozen=True)
class Contrastive(Problem):
    """A step of two towers on a global batch of pairs, whatever the number of ranks.

    `features` is the width of an input, `embedding` that of what is compared. `loss_steps` is the
    length of the loss trajectory.
    """

    batch: int = 1024
    features: int = 64
    embedding: int = 32
    loss_steps: int = 20

    passes: ClassVar[tuple[str, ...]] = ("train",)
    dtypes: ClassVar[tuple[str, ...]] = ("float32",)
    ranks: ClassVar[tuple[int, ...]] = (1, 2)
    preload: ClassVar[tuple[str, ...]] = ("torch._dynamo", "torch.distributed.device_mesh")
    examples: ClassVar[tuple[dict[str, Plain], ...]] = (
        {"batch": 16, "features": 12, "embedding": 4, "loss_steps": 2},
    )
    with_bias: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for name in ("batch", "features", "embedding", "loss_steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"expected {name} of at least 1, got {getattr(self, name)}")

    def network(self, seed: int) -> TwoTowers:
        return two_towers(self.features, self.embedding, self.with_bias, seed)

    def global_batch(self, seed: int, device: torch.device) -> Pairs:
        """Draw the whole batch; every rank draws the same."""
        drawn = pairs(seed, self.batch, self.features)
        return Pairs(drawn.images_BF.to(device), drawn.texts_BF.to(device), seed)

    def make_inputs(self, seed: int, setting: Setting) -> Pairs:
        """Draw the global batch and keep this rank's rows."""
        own, rest = divmod(self.batch, setting.ranks)
        if rest:
            raise Unsupported(
                f"needs a batch divisible by ranks, got {self.batch} and {setting.ranks}"
            )
        whole = self.global_batch(seed, setting.device)
        rows = slice(rank_of(setting) * own, (rank_of(setting) + 1) * own)
        return Pairs(whole.images_BF[rows].clone(), whole.texts_BF[rows].clone(), seed)

    def call(self, step: Any, setting: Setting) -> Call:
        return TrainingCall(step)

    def check(self, call: Call, inputs: Pairs, setting: Setting) -> Verdict:
        """Hold loss and gradients of a step to one process at the global batch, in float64."""
        assert isinstance(call, TrainingCall)
        return contrastive_agreement.check(self, call.strategy, inputs, setting)

    def account(self, built: Any, inputs: Pairs, setting: Setting) -> list[Measurement]:
        """Count what the loss holds and communicates, beside what its formula says."""
        return contrastive_accounting.account(self, built, inputs, setting)

    def quality(self, built: Any, seed: int, setting: Setting) -> list[Measurement]:
        """Return the loss of the global batch, step by step."""
        built.reset(seed)
        losses = [
            mean_over_ranks(built.step(self.make_inputs(SEEDS_APART * (seed + 1) + i, setting)))
            for i in range(self.loss_steps)
        ]
        return [Measurement("loss", "1", losses), Measurement("final_loss", "1", losses[-1:])]

    def quality_calls(self, setting: Setting) -> int:
        return self.loss_steps

    def work(self, setting: Setting) -> dict[str, float]:
        return {"pairs": float(self.batch)}

    @staticmethod
    @abstractmethod
    def loss(given: Embedded) -> Tensor:
        """Compute the loss of a whole batch in one process, all logits at once."""


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
