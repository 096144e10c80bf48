"""SA-Solver: stochastic Adams methods, a predictor and a corrector on one draw of noise."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from torch import Tensor

from bench import Setting, variant
from suites.samplers.ground import Denoise
from suites.samplers.lagrange import expect_order, lagrange_integrals, weighted
from suites.samplers.multistep import PINNED, SPACED, short_of_zero
from suites.samplers.noise import Noise
from suites.samplers.problem import Sampling
from suites.samplers.sampler import Sampler


@variant(marks=["variation", "stochastic"])
def sa_solver(
    problem: Sampling, *, setting: Setting, grid: str = "karras", order: int = 2, tau: float = 1.0
) -> Sampler:
    """SA-Solver by diffusers, Xue et al. 2023 (arXiv:2309.05019), algorithm 1, constant tau.

    `order` predictions are interpolated by the predictor and by the corrector, the one at the
    end of the step among the corrector's. At `tau` = 0 it solves the ODE, at 1 the reverse SDE.
    """
    expect_order(order, 1, 3)
    from diffusers.schedulers.scheduling_sasolver import SASolverScheduler

    def scheduler() -> Any:
        return SASolverScheduler(
            **PINNED,
            **SPACED,
            predictor_order=order,
            corrector_order=order,
            tau_func=lambda time: tau,
            algorithm_type="data_prediction",
            lower_order_final=False,
        )

    def formula(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        """Predict, evaluate, and take the step again with that evaluation and the same noise."""
        cleans: list[Tensor] = []
        generators, predicted, carried = noise.generators(), x, x
        for number, (sigma, following) in enumerate(pairwise(sigmas), start=1):
            cleans = [*cleans, denoise(predicted, sigma)][-order:]
            nodes = sigmas[number - len(cleans) : number]
            if number > 1:
                x = carried + _drift(nodes, cleans, sigmas[number - 2], sigma, tau)
            if not following:
                return cleans[-1]
            carried = _carried(x, noise.draw(generators).to(x.dtype), sigma, following, tau)
            predicted = carried + _drift(nodes, cleans, sigma, following, tau)
        return predicted

    return Sampler(
        problem,
        setting,
        solve=short_of_zero(scheduler, stochastic=True),
        formula=formula,
        grid=grid,
        order=None if tau else order,
    )


def _carried(x: Tensor, drawn: Tensor, sigma: float, following: float, tau: float) -> Tensor:
    """Return the part of a step that asks for no prediction."""
    ratio = following / sigma  # e^-h
    return ratio ** (1 + tau**2) * x + following * (1 - ratio ** (2 * tau**2)) ** 0.5 * drawn


def _drift(
    nodes: list[float], cleans: list[Tensor], sigma: float, following: float, tau: float
) -> Tensor:
    """Integrate the polynomial through the predictions at `nodes`, times e^((1 + tau^2) lambda).

    Of a line the slope is integrated without the exponential, as the authors' code has it.
    """
    rate, step = 1 + tau**2, math.log(sigma / following)
    if len(nodes) == 2:
        start = cleans[nodes.index(sigma)]
        slope = (cleans[1] - cleans[0]) / math.log(nodes[0] / nodes[1])
        return -math.expm1(-rate * step) * start + rate * step**2 / 2 * slope
    lambdas = [-math.log(node) for node in nodes]
    weights = lagrange_integrals(lambdas, -math.log(sigma), -math.log(following), rate)
    return rate * weighted(weights, cleans)
