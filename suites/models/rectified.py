"""Rectified flow: a velocity network trained on given pairs of images and noise."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from suites.models.seeded import seeded
from suites.models.training import Progress, Recipe, one_thread


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
    with one_thread(), torch.enable_grad():
        network = seeded(recipe.seed, build)
        averaged = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(recipe.average))
        optimizer = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.num_steps)
        generator = torch.Generator().manual_seed(recipe.seed)
        for step in range(recipe.num_steps):
            chosen = torch.randint(len(images), (recipe.batch,), generator=generator)
            time = torch.rand(recipe.batch, generator=generator)
            image, own = images[chosen], noise[chosen]
            t = time.reshape(-1, *[1] * (images.ndim - 1))
            velocity = network(torch.lerp(image, own, t), time)
            optimizer.zero_grad()
            (velocity - (own - image)).square().mean().backward()
            optimizer.step()
            schedule.step()
            averaged.update_parameters(network)
            if step % 50 == 0:
                progress("training", step / recipe.num_steps)
        return {k: v.detach().clone() for k, v in averaged.module.state_dict().items()}
