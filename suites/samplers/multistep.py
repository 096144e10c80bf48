"""diffusers' multistep solvers of the data prediction, driven on a grid of sigmas (VP states)."""

from __future__ import annotations

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
    "timestep_spacing": "linspace",
    "steps_offset": 0,
    "rescale_betas_zero_snr": False,
}


def multistep(scheduler_type: type[Any], **own: Any) -> Integrate:
    """Return the solver of a scheduler; `own` are the options that the others do not have."""

    @cache
    def scheduler(to_data: bool) -> Any:
        return scheduler_type(
            **PINNED,
            **own,
            lower_order_final=to_data,  # the step to sigma = 0 is infinite in log sigma
            final_sigmas_type="zero" if to_data else "sigma_min",
        )

    def solve(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        made = scheduler(sigmas[-1] == 0)
        set_sigmas(made, sigmas)
        state = x * vp_scale(sigmas[0])
        for time, sigma in zip(made.timesteps, sigmas, strict=False):
            clean = denoise(state / vp_scale(sigma), sigma)
            state = made.step(clean, time, state).prev_sample
        return state / vp_scale(sigmas[-1])

    return solve
