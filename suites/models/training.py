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
    build: Callable[[], nn.Module],
    images: Tensor,
    recipe: Recipe,
    progress: Progress,
    form: edm.Form = edm.EDM,
) -> dict[str, Tensor]:
    """Return the averaged weights of `Preconditioned(build())` in a form."""
    denoiser = edm.Preconditioned(seeded(recipe.seed, build), float(images.std()), form)

    def loss(generator: torch.Generator) -> Tensor:
        return edm.loss(denoiser, images[drawn(len(images), recipe, generator)], generator)

    return train(denoiser, loss, recipe, progress)


def train(
    network: nn.Module,
    loss: Callable[[torch.Generator], Tensor],
    recipe: Recipe,
    progress: Progress,
) -> dict[str, Tensor]:
    """Return averaged weights of a network, trained on the CPU, one thread.

    Adam with a learning rate that falls to 0 along a cosine. `loss` draws the batch of a step, and
    all else that is random, from the generator that it is given.
    """
    with one_thread(), torch.enable_grad():
        averaged = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(recipe.average))
        optimizer = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.num_steps)
        generator = torch.Generator().manual_seed(recipe.seed)
        for step in range(recipe.num_steps):
            optimizer.zero_grad()
            loss(generator).backward()
            optimizer.step()
            schedule.step()
            averaged.update_parameters(network)
            if step % 50 == 0:
                progress("training", step / recipe.num_steps)
        return {k: v.detach().clone() for k, v in averaged.module.state_dict().items()}


def drawn(count: int, recipe: Recipe, generator: torch.Generator) -> Tensor:
    """Return which of so many make up a batch, drawn with replacement."""
    return torch.randint(count, (recipe.batch,), generator=generator)


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread, where sums have one order; then as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
