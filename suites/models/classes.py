"""A denoiser with and without class labels, in one network: what classifier-free guidance needs."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from suites.models import edm
from suites.models.mlp import Mlp
from suites.models.seeded import seeded
from suites.models.training import Progress, Recipe, drawn, train

DROPPED = 0.1  # of all labels: Ho and Salimans 2022 (arXiv:2207.12598), section 4, p_uncond


class ClassMlp(nn.Module):
    """The multilayer perceptron with a learned vector for each class, and one for none."""

    def __init__(self, shape: tuple[int, ...], num_classes: int, width: int):
        super().__init__()
        self.network = Mlp(shape, width)
        self.classes = nn.Embedding(num_classes + 1, width)

    def forward(self, x: Tensor, time_B: Tensor, labels_B: Tensor) -> Tensor:
        """Map (B, ...), a noise level and a label each to (B, ...); label num_classes is none."""
        return self.network.decode(x, self.network.trunk.embed(time_B) + self.classes(labels_B))


def train_with_classes(
    images: Tensor, labels: Tensor, num_classes: int, width: int, recipe: Recipe, progress: Progress
) -> dict[str, Tensor]:
    """Return the averaged weights of a `Preconditioned(ClassMlp)`, as `train_denoiser` does.

    Algorithm 1 of Ho and Salimans: a label is dropped with probability `DROPPED`.
    """
    network = seeded(recipe.seed, lambda: ClassMlp(images.shape[1:], num_classes, width))
    denoiser = edm.Preconditioned(network, float(images.std()))

    def loss(generator: torch.Generator) -> Tensor:
        chosen = drawn(len(images), recipe, generator)
        dropped = torch.rand(recipe.batch, generator=generator) < DROPPED
        given = labels[chosen].masked_fill(dropped, num_classes)
        return edm.loss(denoiser, images[chosen], generator, given)

    return train(denoiser, loss, recipe, progress)
