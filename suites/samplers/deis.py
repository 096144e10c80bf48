"""DEIS: a polynomial through the last predictions of the noise, integrated exactly."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from torch import Tensor

from bench import Setting, variant
from suites.samplers.exponential import NOISE, integrated
from suites.samplers.families import predict_noise
from suites.samplers.ground import Denoise
from suites.samplers.lagrange import expect_order
from suites.samplers.multistep import PINNED, SPACED, short_of_zero
from suites.samplers.noise import Noise
from suites.samplers.problem import Sampling
from suites.samplers.sampler import Sampler


@variant(marks=["variation"])
def deis(problem: Sampling, *, setting: Setting, grid: str = "karras", order: int = 3) -> Sampler:
    """DEIS by diffusers, Zhang and Chen 2023 (arXiv:2204.13902), polynomials in log sigma.

    `order` predictions are interpolated, 1 to 3; the first steps have fewer.
    """
    expect_order(order, 1, 3)
    from diffusers.schedulers.scheduling_deis_multistep import DEISMultistepScheduler

    def scheduler() -> Any:
        return DEISMultistepScheduler(
            **PINNED,
            **SPACED,
            solver_order=order,
            algorithm_type="deis",
            solver_type="logrho",
            lower_order_final=False,
        )

    def formula(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        """Integrate by quadrature; the step to sigma = 0 is of first order."""
        past: list[Tensor] = []
        for number, (sigma, following) in enumerate(pairwise(sigmas), start=1):
            past = [*past, predict_noise(denoise, x, sigma)][-order:]
            if not following:
                return x - sigma * past[-1]
            nodes = sigmas[number - len(past) : number]
            x = integrated(x, sigma, following, nodes, past, NOISE)
        return x

    solve = short_of_zero(scheduler)
    return Sampler(problem, setting, solve=solve, formula=formula, grid=grid, order=order)
