"""Train a denoiser on images: a fixed number of steps, the same bits every time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from suites.models import edm
from suites.models.seeded import seeded

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Recipe:
    """How long and how fast to train; `average` is the decay of the weights' moving average."""

    num_steps: int
    batch: int = 128
    learning_rate: float = 2e-3
    average: float = 0.999
    seed: int = 0


def train_denoiser(
    build: Callable[[], nn.Module], images: Tensor, recipe: Recipe, progress: Progress
) -> dict[str, Tensor]:
    """Return the averaged weights of `Preconditioned(build())`, trained on the CPU, one thread.

    Adam with a learning rate that falls to 0 along a cosine.
    """
    with one_thread(), torch.enable_grad():
        network = seeded(recipe.seed, build)
        denoiser = edm.Preconditioned(network, float(images.std()))
        averaged = AveragedModel(denoiser, multi_avg_fn=get_ema_multi_avg_fn(recipe.average))
        optimizer = torch.optim.Adam(denoiser.parameters(), lr=recipe.learning_rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.num_steps)
        generator = torch.Generator().manual_seed(recipe.seed)
        for step, batch in enumerate(batches(images, recipe, generator)):
            optimizer.zero_grad()
            edm.loss(denoiser, batch, generator).backward()
            optimizer.step()
            schedule.step()
            averaged.update_parameters(denoiser)
            if step % 50 == 0:
                progress("training", step / recipe.num_steps)
        return {k: v.detach().clone() for k, v in averaged.module.state_dict().items()}


def batches(images: Tensor, recipe: Recipe, generator: torch.Generator) -> Iterator[Tensor]:
    """Yield a batch for every step, drawn with replacement."""
    for _ in range(recipe.num_steps):
        yield images[torch.randint(len(images), (recipe.batch,), generator=generator)]


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread, where sums have one order; then as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
