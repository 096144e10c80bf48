"""How far the denoiser is from the data at every noise level; reverse variances are made of it."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import torch

from suites.models.stored import content_key, stored
from suites.samplers.grids import SIGMA_MAX
from suites.samplers.ground import Ground, Progress
from suites.samplers.noise import draw_noise

NUM_REAL = 1024  # images, or half of all there are
LEVELS = tuple(np.geomspace(1e-3, SIGMA_MAX, 48).tolist())
LEAST = 1e-20  # of a ground of finitely many images, at small noise


def denoising_error(
    ground: Ground, name: str, progress: Progress = lambda *_: None
) -> Callable[[float], float]:
    """Return sigma -> E |x0 - D(x0 + sigma n; sigma)|^2 / d, estimated on real images.

    It is kept on disk. Between `LEVELS` its log is interpolated in log sigma.
    """
    cpu = torch.device("cpu")
    denoise = ground.denoiser(torch.float64, cpu)
    real, _ = ground.halves(NUM_REAL, 0)
    noise = draw_noise(ground.shape, len(real), 0, torch.float64, cpu).start
    probe = denoise(real + noise, 1.0)  # stands for the source of the denoiser

    def measure() -> torch.Tensor:
        found = []
        for number, sigma in enumerate(LEVELS):
            progress("fitting the variance of the reverse step", number / len(LEVELS))
            found.append((denoise(real + sigma * noise, sigma) - real).square().mean())
        return torch.stack(found).clamp(min=LEAST)

    key = content_key(sys.modules[__name__], name, real, probe.to(torch.float32))
    errors = stored(f"samplers-error-{name}", key, measure).log().tolist()
    return lambda sigma: float(np.exp(np.interp(np.log(sigma), np.log(LEVELS), errors)))
