"""UniPC: a multistep predictor and a corrector that costs no evaluation."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from torch import Tensor

from bench import Setting, variant
from suites.samplers.exponential import DATA, integrated, midpoint
from suites.samplers.ground import Denoise
from suites.samplers.lagrange import expect_order
from suites.samplers.multistep import PINNED, SPACED, ended, multistep
from suites.samplers.noise import Noise
from suites.samplers.problem import Sampling
from suites.samplers.sampler import Sampler


@variant
def unipc(problem: Sampling, *, setting: Setting, grid: str = "karras", order: int = 2) -> Sampler:
    """UniPC-p (B2) by diffusers, Zhao et al. 2023 (arXiv:2302.04867), algorithm 5-8.

    A predictor of `order` p with its corrector is of order p + 1 (theorem 3.1).
    """
    expect_order(order, 1, 3)
    from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler

    def scheduler(to_data: bool) -> Any:
        return UniPCMultistepScheduler(
            **PINNED,
            **SPACED,
            **ended(to_data),
            solver_order=order,
            predict_x0=True,
            solver_type="bh2",
            disable_corrector=[],
            solver_p=None,
        )

    def formula(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        """Predict by UniP, evaluate, correct by UniC with that evaluation.

        The corrector of a step has one prediction more than its predictor had.
        """
        cleans: list[Tensor] = []
        predicted, known = x, 0
        for number, (sigma, following) in enumerate(pairwise(sigmas), start=1):
            cleans.append(denoise(predicted, sigma))
            if number > 1:
                nodes = sigmas[number - known - 1 : number]
                x = _through(nodes, cleans[-known - 1 :], x, sigmas[number - 2], sigma)
            if not following:
                return cleans[-1]
            known = min(order, number, order if sigmas[-1] else len(sigmas) - number)
            nodes = sigmas[number - known : number]
            predicted = _through(nodes, cleans[-known:], x, sigma, following)
        return predicted

    solve = multistep(scheduler)
    return Sampler(problem, setting, solve=solve, formula=formula, grid=grid, order=order + 1)


def _through(
    nodes: list[float], cleans: list[Tensor], x: Tensor, sigma: float, following: float
) -> Tensor:
    """Make a polynomial exact, as eq. 5 does (R rho = B); of a line a = 1/2 is taken for it."""
    method = midpoint if len(nodes) == 2 else integrated
    return method(x, sigma, following, nodes, cleans, DATA)
