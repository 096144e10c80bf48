"""Rectified flow: a velocity network trained on given pairs of images and noise."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from suites.models.seeded import seeded
from suites.models.training import Progress, Recipe, drawn, train


def train_velocity(
    build: Callable[[], nn.Module],
    images: Tensor,
    noise: Tensor,
    recipe: Recipe,
    progress: Progress,
) -> dict[str, Tensor]:
    """Return the averaged weights of a network v(x_t, t), trained on the CPU, one thread.

    Liu et al. 2023 (arXiv:2209.03003), eq. 1: x_t = (1 - t) image + t noise with t even in [0, 1],
    and v is held to noise - image of each pair (n, ...).
    """
    network = seeded(recipe.seed, build)

    def loss(generator: torch.Generator) -> Tensor:
        chosen = drawn(len(images), recipe, generator)
        time = torch.rand(recipe.batch, generator=generator)
        image, own = images[chosen], noise[chosen]
        velocity = network(torch.lerp(image, own, time.reshape(-1, *[1] * (images.ndim - 1))), time)
        return (velocity - (own - image)).square().mean()

    return train(network, loss, recipe, progress)
