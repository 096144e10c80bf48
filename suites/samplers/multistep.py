"""diffusers' multistep solvers of the data prediction, driven on a grid of sigmas (VP states)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from torch import Tensor

from suites.samplers.families import vp_scale
from suites.samplers.ground import Denoise
from suites.samplers.noise import Noise
from suites.samplers.sampler import Integrate
from suites.samplers.sigmas import set_sigmas

# Every option that moves a result is pinned: defaults differ between versions.
PINNED: dict[str, Any] = {
    "prediction_type": "sample",
    "thresholding": False,
    "use_karras_sigmas": False,
    "use_exponential_sigmas": False,
    "use_beta_sigmas": False,
    "use_flow_sigmas": False,
}
SPACED: dict[str, Any] = {"timestep_spacing": "linspace", "steps_offset": 0}


def ended(to_data: bool) -> dict[str, Any]:
    """Return the options of a scheduler that takes the step to sigma = 0 itself, in first order."""
    return {
        "rescale_betas_zero_snr": False,
        "lower_order_final": to_data,  # the step to sigma = 0 is infinite in log sigma
        "final_sigmas_type": "zero" if to_data else "sigma_min",
    }


def multistep(make: Callable[[bool], Any], *, stochastic: bool = False) -> Integrate:
    """Return the solver of a scheduler; `make` is told whether a run leads to sigma = 0."""
    made = cache(make)

    def solve(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        drawn = {"generator": noise.generators()} if stochastic else {}
        return driven(made(sigmas[-1] == 0), denoise, sigmas, x, drawn)

    return solve


def short_of_zero(make: Callable[[], Any], *, stochastic: bool = False) -> Integrate:
    """Return the solver of a scheduler that cannot reach sigma = 0: it is infinite in log sigma.

    The last step is the first-order one, which no scheduler need take: its end is D(x; sigma).
    """
    made = cache(make)

    def solve(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        drawn = {"generator": noise.generators()} if stochastic else {}
        if sigmas[-1] != 0:
            return driven(made(), denoise, sigmas, x, drawn)
        if len(sigmas) > 2:
            x = driven(made(), denoise, sigmas[:-1], x, drawn)
        return denoise(x, sigmas[-2])

    return solve


def driven(
    scheduler: Any, denoise: Denoise, sigmas: list[float], x: Tensor, drawn: dict[str, Any]
) -> Tensor:
    """Run a scheduler of the data prediction; `drawn` is what else each of its steps is given."""
    set_sigmas(scheduler, sigmas)
    state = x * vp_scale(sigmas[0])
    for time, sigma in zip(scheduler.timesteps, sigmas, strict=False):
        clean = denoise(state / vp_scale(sigma), sigma)
        state = scheduler.step(clean, time, state, **drawn).prev_sample
    return state / vp_scale(sigmas[-1])
