"""Euler's method on the flow-matching ODE: straight steps in x_t = (1 - t) x0 + t noise."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from torch import Tensor

from bench import Setting, variant
from suites.samplers.curvature import FlowSampler
from suites.samplers.families import predict_velocity
from suites.samplers.grids import grid_named
from suites.samplers.ground import Denoise
from suites.samplers.noise import Noise
from suites.samplers.problem import Sampling
from suites.samplers.sampler import Sampler
from suites.samplers.sigmas import set_sigmas


@variant
def flow_euler(
    problem: Sampling, *, setting: Setting, grid: str = "flow", shift: float = 1.0
) -> Sampler:
    """Flow-matching Euler by diffusers, Lipman et al. 2023 (arXiv:2210.02747).

    `shift` is SD3's (Esser et al. 2024, arXiv:2403.03206, eq. 23): more steps where there is noise.
    """
    from diffusers.schedulers.scheduling_flow_match_euler_discrete import (
        FlowMatchEulerDiscreteScheduler,
    )

    scheduler: Any = FlowMatchEulerDiscreteScheduler(
        shift=1.0,  # the grid has it
        use_dynamic_shifting=False,
        invert_sigmas=False,
        shift_terminal=None,
        use_karras_sigmas=False,
        use_exponential_sigmas=False,
        use_beta_sigmas=False,
        stochastic_sampling=False,
    )

    def solve(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        times = [sigma / (1 + sigma) for sigma in sigmas]
        set_sigmas(scheduler, times)
        state = x * (1 - times[0])
        for name, time in zip(scheduler.timesteps, times, strict=False):
            velocity = predict_velocity(denoise, state, time)
            state = scheduler.step(velocity, name, state).prev_sample
        return state / (1 - times[-1])

    def formula(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        """Follow dx / dt = noise - data."""
        times = [sigma / (1 + sigma) for sigma in sigmas]
        state = x * (1 - times[0])
        for time, following in pairwise(times):
            state = state + (following - time) * predict_velocity(denoise, state, time)
        return state / (1 - times[-1])

    return FlowSampler(
        problem,
        setting,
        solve=solve,
        formula=formula,
        grid=grid_named(grid).shifted(shift),
        order=1,
    )
