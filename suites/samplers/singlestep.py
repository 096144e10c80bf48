"""Singlestep DPM-Solvers: blocks of evaluations, each from one level of the grid to another."""

from __future__ import annotations

import warnings
from itertools import pairwise
from typing import Any

from torch import Tensor

from suites.samplers.exponential import DATA, integrated, midpoint
from suites.samplers.families import predict_noise
from suites.samplers.ground import Denoise
from suites.samplers.lagrange import expect_order
from suites.samplers.multistep import PINNED, short_of_zero
from suites.samplers.noise import Noise
from suites.samplers.sampler import Integrate


def blocks(num_steps: int, order: int) -> list[int]:
    """Split steps into blocks of `order` evaluations, and shorter ones for what is left over.

    The short ones come first, where the prediction moves least. One evaluation alone would be of
    first order, and all that a ladder of steps shows: two blocks of 2 stand for 1 + 3.
    """
    whole, rest = divmod(num_steps, order)
    if order == 3 and rest == 1 and whole:
        return [2, 2] + [3] * (whole - 1)
    return [rest] * (rest > 0) + [order] * whole


def singlestep(order: int, algorithm_type: str) -> Integrate:
    """Return diffusers' solver; blocks are this suite's, the step to sigma = 0 of first order."""
    expect_order(order, 2, 3)
    from diffusers.schedulers.scheduling_dpmsolver_singlestep import DPMSolverSinglestepScheduler

    def scheduler() -> Any:
        with warnings.catch_warnings():  # `dpmsolver` is to go from diffusers 1.0
            warnings.simplefilter("ignore", FutureWarning)
            made: Any = DPMSolverSinglestepScheduler(
                **PINNED,
                solver_order=order,
                algorithm_type=algorithm_type,
                solver_type="midpoint",
                lower_order_final=True,
                final_sigmas_type="sigma_min",
            )
        made.get_order_list = lambda num_steps: [
            number for size in blocks(num_steps, order) for number in range(1, size + 1)
        ]
        return made

    return short_of_zero(scheduler)


def by_blocks(order: int, rate: float) -> Integrate:
    """Return the formula, for the prediction whose exponential has this rate."""

    def formula(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        above = sigmas if sigmas[-1] else sigmas[:-1]
        done = 0
        for size in blocks(len(above) - 1, order):
            x = _block(denoise, above[done : done + size + 1], x, rate)
            done += size
        return x if sigmas[-1] else denoise(x, above[-1])

    return formula


def _block(denoise: Denoise, levels: list[float], x: Tensor, rate: float) -> Tensor:
    """Evaluate at all levels but the last, each reached from the first by what is known so far.

    With two predictions the line through them is taken in the middle of the step, with three the
    line through the first and the last is integrated.
    """
    first, state = levels[0], x
    predictions: list[Tensor] = []
    for level, following in pairwise(levels):
        predict = denoise if rate == DATA else lambda y, s: predict_noise(denoise, y, s)
        predictions.append(predict(state, level))
        known = levels[: len(predictions)]
        method = midpoint if len(known) == 2 else integrated
        ends = slice(None, None, 2 if len(known) == 3 else 1)
        state = method(x, first, following, known[ends], predictions[ends], rate)
    return state
