"""SigLIP in chunks: texts go around a ring, b^2 logits at a time.

Zhai et al. 2023, Sigmoid Loss for Language Image Pre-Training (arXiv:2303.15343), section 3.3. Were
the chunks left to autograd, it would keep the logits of all N until backward, which are b x B
again. A chunk's gradients are computed with it instead; those of texts follow them home.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor

from bench import Setting, variant
from suites.distributed.contrastive import SiglipTraining
from suites.distributed.contrastive_step import ContrastiveStep
from suites.models.two_towers import Embedded


class Ring(ContrastiveStep):
    """b^2 logits on every rank; texts and their gradients make N - 1 hops each."""

    def loss(self, given: Embedded) -> Tensor:
        return _RingLoss.apply(given.images_BD, given.texts_BD, given.scale, given.bias)  # type: ignore[no-untyped-call]

    @staticmethod
    def predicted_logits(batch: int, ranks: int) -> int:
        return (batch // ranks) ** 2

    @staticmethod
    def predicted_traffic(batch: int, ranks: int, embedding: int) -> dict[str, float]:
        return {"send": 2 * (ranks - 1) * batch // ranks * embedding}


@variant
def siglip_ring(problem: SiglipTraining, *, setting: Setting) -> Ring:
    """Pass the texts around, and take each chunk's gradients before the next one comes."""
    return Ring(problem, setting)


class _RingLoss(torch.autograd.Function):
    """The loss of this rank's images with all texts; forward computes the gradients too."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, texts: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
        ranks = dist.get_world_size()
        found, of_images, of_own, of_bias = _chunk(images, texts, scale, bias, own=True)
        passing, following = texts, None  # texts of others, and what their gradients are so far
        for _ in range(ranks - 1):
            passing = _passed(passing)
            following = None if following is None else _passed(following)
            more, of_more, of_passing, of_more_bias = _chunk(images, passing, scale, bias)
            found, of_images, of_bias = found + more, of_images + of_more, of_bias + of_more_bias
            following = of_passing if following is None else following + of_passing
        if following is not None:
            of_own = of_own + _passed(following)
        of_scale = (images * of_images).sum()  # d logit / d scale is image x text
        ctx.save_for_backward(scale * of_images, scale * of_own, of_scale, of_bias)
        return found

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        return tuple(gradients[0] * own for own in ctx.saved_tensors)


def _chunk(
    images: Tensor, texts: Tensor, scale: Tensor, bias: Tensor, own: bool = False
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return a chunk's loss, and its gradients by images, texts (both before scale) and bias."""
    logits = torch.addmm(bias, scale * images, texts.T)
    found = F.softplus(logits).sum()
    found = found - logits.diagonal().sum() if own else found
    slopes = logits.sigmoid_()
    if own:
        slopes.diagonal().sub_(1)
    slopes.div_(len(images))
    return found / len(images), slopes @ texts, slopes.T @ images, slopes.sum()


def _passed(tensor: Tensor) -> Tensor:
    """Send a tensor to the next rank and return what the one before sends."""
    rank, ranks = dist.get_rank(), dist.get_world_size()
    received = torch.empty_like(tensor)
    hop = [
        dist.P2POp(dist.isend, tensor.contiguous(), (rank + 1) % ranks),
        dist.P2POp(dist.irecv, received, (rank - 1) % ranks),
    ]
    for work in dist.batch_isend_irecv(hop):
        work.wait()
    return received
