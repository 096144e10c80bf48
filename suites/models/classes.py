"""A denoiser with and without class labels, in one network: what classifier-free guidance needs."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from suites.models import edm
from suites.models.mlp import Mlp
from suites.models.seeded import seeded
from suites.models.training import Progress, Recipe, one_thread

DROPPED = 0.1  # of all labels: Ho and Salimans 2022 (arXiv:2207.12598), section 4, p_uncond


class ClassMlp(nn.Module):
    """The multilayer perceptron with a learned vector for each class, and one for none."""

    def __init__(self, shape: tuple[int, ...], num_classes: int, width: int):
        super().__init__()
        self.network = Mlp(shape, width)
        self.classes = nn.Embedding(num_classes + 1, width)

    def forward(self, x: Tensor, time_B: Tensor, labels_B: Tensor) -> Tensor:
        """Map (B, ...), a noise level and a label each to (B, ...); label num_classes is none."""
        return self.network.decode(x, self.network.embed(time_B) + self.classes(labels_B))


def train_with_classes(
    images: Tensor, labels: Tensor, num_classes: int, width: int, recipe: Recipe, progress: Progress
) -> dict[str, Tensor]:
    """Return the averaged weights of a `Preconditioned(ClassMlp)`, as `train_denoiser` does.

    Algorithm 1 of Ho and Salimans: a label is dropped with probability `DROPPED`.
    """
    with one_thread(), torch.enable_grad():
        network = seeded(recipe.seed, lambda: ClassMlp(images.shape[1:], num_classes, width))
        denoiser = edm.Preconditioned(network, float(images.std()))
        averaged = AveragedModel(denoiser, multi_avg_fn=get_ema_multi_avg_fn(recipe.average))
        optimizer = torch.optim.Adam(denoiser.parameters(), lr=recipe.learning_rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.num_steps)
        generator = torch.Generator().manual_seed(recipe.seed)
        for step in range(recipe.num_steps):
            chosen = torch.randint(len(images), (recipe.batch,), generator=generator)
            dropped = torch.rand(recipe.batch, generator=generator) < DROPPED
            given = labels[chosen].masked_fill(dropped, num_classes)
            optimizer.zero_grad()
            edm.loss(denoiser, images[chosen], generator, given).backward()
            optimizer.step()
            schedule.step()
            averaged.update_parameters(denoiser)
            if step % 50 == 0:
                progress("training", step / recipe.num_steps)
        return {k: v.detach().clone() for k, v in averaged.module.state_dict().items()}
