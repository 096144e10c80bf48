"""What SiD learns: a small network that makes an image in one evaluation, taught by the ground.

A minute and a half on one core, once a ground.
"""

from __future__ import annotations

import sys

import torch
from torch import Tensor

from suites.models import edm, mlp, score_identity, training, unet
from suites.models.stored import content_key, stored
from suites.models.training import Recipe
from suites.samplers.ground import Ground, Progress

WIDTH, NUM_BLOCKS = 128, 2
START = Recipe(num_steps=2000)  # of the denoiser that the generator and the fake score start from
DISTILLATION = Recipe(num_steps=2000, learning_rate=1e-3, average=0.998)
NUM_REAL = 20_000  # samples that the start is trained on, or half of all there are
SEED = 1 << 17  # of them


def generator_of(shape: tuple[int, ...], sigma_data: float = 1.0) -> edm.Preconditioned:
    """Build the network of the generator, untrained; its weights know the data's deviation."""
    return edm.Preconditioned(mlp.Mlp(shape, WIDTH, NUM_BLOCKS), sigma_data)


def distilled(ground: Ground, name: str, progress: Progress = lambda *_: None) -> dict[str, Tensor]:
    """Return the generator's weights, from the cache or distilled now."""
    real, _ = ground.halves(NUM_REAL, SEED)
    probe = ground.denoiser(torch.float64, torch.device("cpu"))(real[:64] * 2, 1.0)
    sources = (sys.modules[__name__], edm, mlp, score_identity, training, unet)
    how = (WIDTH, NUM_BLOCKS, START, DISTILLATION)  # beside the source of the denoiser: the probe
    key = content_key(*sources, name, *how, probe.to(torch.float32))
    kept: dict[str, Tensor] = stored(
        f"samplers-sid-{name}", key, lambda: _distil(ground, real.float(), progress)
    )
    return kept


def _distil(ground: Ground, real: Tensor, progress: Progress) -> dict[str, Tensor]:
    build = lambda: mlp.Mlp(ground.shape, WIDTH, NUM_BLOCKS)  # noqa: E731
    told = lambda _, share: progress("training what SiD starts from", share)  # noqa: E731
    start = generator_of(ground.shape)
    start.load_state_dict(training.train_denoiser(build, real, START, told))
    teacher = ground.denoiser(torch.float32, torch.device("cpu"))
    return score_identity.distil(
        teacher,
        start,
        ground.shape,
        DISTILLATION,
        lambda _, share: progress("distilling SiD's generator", share),
    )
