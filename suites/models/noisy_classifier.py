"""A classifier of noisy images, whose gradient guides a sampler towards a class."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from suites.models.mlp import Trunk
from suites.models.seeded import seeded
from suites.models.training import Progress, Recipe, drawn, train

LEVELS = (0.002, 80.0)  # of noise trained on, even in their logarithm: all that a sampler visits


class NoisyClassifier(nn.Module):
    """log p(y | x; sigma) of x = data + sigma noise, Dhariwal and Nichol 2021 (arXiv:2105.05233).

    Section 4.1, with the noise level given as EDM gives it. `sigma_data` is the standard deviation
    of the data. Logits are scaled by sigma_data / sqrt(sigma^2 + sigma_data^2), as the log
    likelihood is: what guides, sigma^2 times the gradient, then errs no more where noise is loud.
    """

    sigma_data: Tensor

    def __init__(
        self, shape: tuple[int, ...], num_classes: int, width: int, num_blocks: int, data: float
    ):
        super().__init__()
        self.trunk = Trunk(shape, width, num_blocks)
        self.last = nn.Linear(width, num_classes)
        self.prior = nn.Parameter(torch.zeros(num_classes))  # what pure noise tells
        self.register_buffer("sigma_data", torch.tensor(data))

    def forward(self, x: Tensor, sigma_B: Tensor) -> Tensor:
        """Map noisy images (B, ...) and their noise levels to log probabilities (B, C)."""
        sigma = sigma_B.reshape(-1, *[1] * (x.ndim - 1))
        total = (sigma**2 + self.sigma_data**2).sqrt()
        features = self.trunk(x / total, self.trunk.embed(sigma_B.log() / 4))
        scale = self.sigma_data / total.flatten(1)[:, :1]
        return (scale * self.last(features) + self.prior).log_softmax(-1)


def train_classifier(
    images: Tensor,
    labels: Tensor,
    num_classes: int,
    sizes: tuple[int, int],
    recipe: Recipe,
    progress: Progress,
) -> dict[str, Tensor]:
    """Return the averaged weights of a `NoisyClassifier` of width and blocks `sizes`.

    Cross-entropy over images (n, ...) with labels (n,), each with noise of its own level.
    """
    data = float(images.std())
    build = lambda: NoisyClassifier(images.shape[1:], num_classes, *sizes, data)  # noqa: E731
    network = seeded(recipe.seed, build)

    def loss(generator: torch.Generator) -> Tensor:
        chosen = drawn(len(images), recipe, generator)
        sigma_B = _levels(recipe.batch, generator)
        noise = torch.randn(recipe.batch, *images.shape[1:], generator=generator)
        noisy = images[chosen] + sigma_B.reshape(-1, *[1] * (images.ndim - 1)) * noise
        return F.nll_loss(network(noisy, sigma_B), labels[chosen])

    return train(network, loss, recipe, progress)


def _levels(count: int, generator: torch.Generator) -> Tensor:
    low, high = map(math.log, LEVELS)
    return torch.empty(count).uniform_(low, high, generator=generator).exp()
