"""diffusers' DDPM on a grid: a process of so many steps, whose table is the grid itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from suites.samplers.families import alphas_cumprod, vp_scale


def respaced(variance_type: str) -> Callable[[tuple[float, ...]], Any]:
    """Return what makes the scheduler of a grid, once for each; every option is pinned.

    Nichol and Dhariwal 2021 (arXiv:2102.09672), section 4: fewer steps respace the process.
    """
    from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

    @cache
    def scheduler(sigmas: tuple[float, ...]) -> Any:
        made = DDPMScheduler(
            num_train_timesteps=len(sigmas) - 1,
            beta_schedule="linear",
            variance_type=variance_type,
            clip_sample=False,
            prediction_type="epsilon",
            thresholding=False,
            timestep_spacing="leading",
            steps_offset=0,
            rescale_betas_zero_snr=False,
        )
        made.alphas_cumprod = alphas_cumprod(list(sigmas))
        made.one = made.alphas_cumprod.new_tensor(vp_scale(sigmas[-1]) ** 2)  # beyond its end
        return made

    return scheduler
