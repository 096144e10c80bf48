"""The probability-flow ODE solved finely, once per ground and noise: what a solver is held to."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import torch
from torch import Tensor

from suites.models.stored import content_key, stored
from suites.samplers.grids import SIGMA_MAX
from suites.samplers.ground import Denoise, Ground
from suites.samplers.noise import Noise

SIGMA_END = 1e-4  # from here the denoiser jumps: an error of its square
TOLERANCE = 1e-9


def solve_ode(denoise: Denoise, x: Tensor, high: float, low: float, tolerance: float) -> Tensor:
    """Integrate dx / d log sigma = x - D(x; sigma) from `high` to `low` in float64.

    Karras et al. 2022 (arXiv:2206.00364), eq. 1 and 3 with sigma(t) = t, in log sigma, by
    scipy's DOP853.
    """
    from scipy.integrate import solve_ivp

    shape = x.shape

    def slope(log_sigma: float, flat: Any) -> Any:
        state = torch.from_numpy(np.asarray(flat)).reshape(shape)
        return (state - denoise(state, float(np.exp(log_sigma)))).reshape(-1).numpy()

    found = solve_ivp(
        slope,
        (np.log(high), np.log(low)),
        x.double().cpu().reshape(-1).numpy(),
        method="DOP853",
        rtol=tolerance,
        atol=tolerance,
    )
    if not found.success:
        raise RuntimeError(f"the reference ODE was not solved: {found.message}")
    return torch.from_numpy(found.y[:, -1].copy()).reshape(shape)


def reference(ground: Ground, name: str, noise: Noise) -> Tensor:
    """Return the images that this noise leads to in fine steps, float64, kept on disk."""
    denoise = ground.denoiser(torch.float64, torch.device("cpu"))
    start = SIGMA_MAX * noise.start.double().cpu()
    probe = denoise(start / SIGMA_MAX, 1.0)  # stands for the data and the source of the denoiser
    key = content_key(sys.modules[__name__], name, start, probe.to(torch.float32))

    def solve() -> Tensor:
        x = solve_ode(denoise, start, SIGMA_MAX, SIGMA_END, TOLERANCE)
        return denoise(x, SIGMA_END)

    found: Tensor = stored(f"samplers-ode-{name}", key, solve)
    return found
