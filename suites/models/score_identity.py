"""Score identity distillation: a generator of one step, taught by the score of a denoiser."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from suites.models import edm
from suites.models.training import Progress, Recipe, one_thread

SIGMA_INIT = 2.5  # Zhou et al. 2024, table 5: where the generator takes its noise for an image's
ALPHA = 1.2
LEVELS, RHO = (0.05, 20.0), 7.0  # of noise the scores are compared at, even in sigma^(1 / rho)
NUM_LEVELS = 8  # a batch
FASTER = 2.0  # the fake score learns faster than what it follows
BETAS = (0.5, 0.999)
NUM_RISING = 100  # steps of the learning rate
LEAST = 1e-5  # of a distance that is divided by
NUM_AHEAD = 200  # updates of the fake score alone, from the data's to the generator's

Denoise = Callable[[Tensor, float], Tensor]


def generate(network: nn.Module, z: Tensor) -> Tensor:
    """Return G(z) = D(sigma_init z; sigma_init) of standard normal z (B, ...)."""
    return network(SIGMA_INIT * z, z.new_full((len(z),), SIGMA_INIT))


def distil(
    teacher: Denoise,
    start: edm.Preconditioned,
    shape: tuple[int, ...],
    recipe: Recipe,
    progress: Progress,
) -> dict[str, Tensor]:
    """Return the averaged weights of a generator, trained on the CPU, one thread, from `start`.

    Zhou et al. 2024 (arXiv:2404.04057), algorithm 1: in turn the fake score learns to denoise what
    is generated, and the generator follows the difference of both scores. No data are seen. The
    teacher gives D(x; sigma) of float32 images, with gradients.
    """
    with one_thread(), torch.enable_grad():
        pair = _Pair(teacher, start, shape, recipe)
        for _ in range(NUM_AHEAD):
            pair.follow()
        for step in range(recipe.num_steps):
            pair.follow()
            pair.teach()
            if step % 50 == 0:
                progress("distilling", step / recipe.num_steps)
        return {k: v.detach().clone() for k, v in pair.averaged.module.state_dict().items()}


def identity_loss(images: Tensor, true: Tensor, fake: Tensor) -> Tensor:
    """Return the loss for generated images, and what both scores make of them with noise (B, ...).

    (1 - alpha) |D - D_fake|^2 + (D - D_fake) (D_fake - x), each image weighted by 1 / |x - D|.
    """
    apart = (images - true).detach().abs().flatten(1).mean(-1).clamp(min=LEAST)
    error = true - fake
    each = (1 - ALPHA) * error**2 + error * (fake - images)
    return (each.flatten(1).mean(-1) / apart).mean()


class _Descent:
    """Adam whose rate rises over `NUM_RISING` steps and falls evenly to 0."""

    def __init__(self, network: nn.Module, rate: float, num_steps: int):
        self.optimizer = torch.optim.Adam(network.parameters(), lr=rate, betas=BETAS)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, lambda n: min((n + 1) / NUM_RISING, max(1 - n / num_steps, 0.0))
        )

    def step(self, loss: Tensor) -> None:
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.schedule.step()


class _Pair:
    """The generator, and the fake score that tells what the generator's images look like."""

    def __init__(
        self, teacher: Denoise, start: edm.Preconditioned, shape: tuple[int, ...], recipe: Recipe
    ):
        self.teacher, self.shape, self.recipe = teacher, shape, recipe
        self.generator, self.fake = copy.deepcopy(start), copy.deepcopy(start)
        average = get_ema_multi_avg_fn(recipe.average)
        self.averaged = AveragedModel(self.generator, multi_avg_fn=average)
        steps = recipe.num_steps
        self.random = torch.Generator().manual_seed(recipe.seed)
        self.of_generator = _Descent(self.generator, recipe.learning_rate, steps)
        self.of_fake = _Descent(self.fake, FASTER * recipe.learning_rate, steps + NUM_AHEAD)

    def follow(self) -> None:
        """Train the fake score on what is generated now."""
        with torch.no_grad():
            images = generate(self.generator, self._noise())
        self.of_fake.step(edm.loss(self.fake, images, self.random))

    def teach(self) -> None:
        """Train the generator: the scores are not moved."""
        images = generate(self.generator, self._noise())
        sigmas = self._levels()
        sigma_B = sigmas.repeat_interleave(self.recipe.batch // NUM_LEVELS)
        noisy = images + sigma_B.reshape(-1, *[1] * len(self.shape)) * self._noise()
        parts = zip(noisy.chunk(NUM_LEVELS), sigmas.tolist(), strict=True)
        true = torch.cat([self.teacher(part, sigma) for part, sigma in parts])
        fake = self.fake.requires_grad_(False)(noisy, sigma_B)
        self.of_generator.step(identity_loss(images, true, fake))
        self.fake.requires_grad_(True)
        self.averaged.update_parameters(self.generator)

    def _noise(self) -> Tensor:
        return torch.randn(self.recipe.batch, *self.shape, generator=self.random)

    def _levels(self) -> Tensor:
        low, high = (level ** (1 / RHO) for level in LEVELS)
        return (low + (high - low) * torch.rand(NUM_LEVELS, generator=self.random)) ** RHO
