"""Heun's method on the flow-matching ODE: x_t = (1 - t) x0 + t noise."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from torch import Tensor

from bench import Setting, variant
from suites.samplers.families import predict_velocity
from suites.samplers.ground import Denoise
from suites.samplers.noise import Noise
from suites.samplers.problem import Sampling
from suites.samplers.sampler import Sampler
from suites.samplers.sigmas import set_sigmas, twice


@variant(marks=["variation"])
def flow_heun(problem: Sampling, *, setting: Setting, grid: str = "flow") -> Sampler:
    """Flow-matching Heun by diffusers, Lipman et al. 2023 (arXiv:2210.02747); no shift, no churn.

    Two evaluations a step, one in the last: N steps cost 2 N - 1.
    """
    from diffusers.schedulers.scheduling_flow_match_heun_discrete import (
        FlowMatchHeunDiscreteScheduler,
    )

    scheduler: Any = FlowMatchHeunDiscreteScheduler(shift=1.0)

    def solve(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        times = [sigma / (1 + sigma) for sigma in sigmas]
        visited = twice(times)[1:-1]  # every inner level is met as an end and as a start
        set_sigmas(scheduler, visited)
        state = x * (1 - times[0])
        for name, time in zip(scheduler.timesteps, visited[:-1], strict=False):
            velocity = predict_velocity(denoise, state, time)
            state = scheduler.step(velocity, name, state).prev_sample
        return state / (1 - times[-1])

    def formula(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        """Average the velocities at both ends of a step, but for the last."""
        times = [sigma / (1 + sigma) for sigma in sigmas]
        state = x * (1 - times[0])
        for time, following in pairwise(times):
            velocity = predict_velocity(denoise, state, time)
            if following != times[-1]:
                ahead = state + (following - time) * velocity
                velocity = (velocity + predict_velocity(denoise, ahead, following)) / 2
            state = state + (following - time) * velocity
        return state / (1 - times[-1])

    steps = (problem.nfe + 1) // 2
    return Sampler(
        problem, setting, solve=solve, formula=formula, grid=grid, order=2, num_steps=steps
    )
