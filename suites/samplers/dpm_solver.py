"""DPM-Solver: exponential Runge-Kutta methods of the noise prediction."""

from __future__ import annotations

from bench import Setting, variant
from suites.samplers.exponential import NOISE
from suites.samplers.problem import Sampling
from suites.samplers.sampler import Sampler
from suites.samplers.singlestep import by_blocks, singlestep


@variant(marks=["variation"])
def dpm_solver(
    problem: Sampling, *, setting: Setting, grid: str = "log", order: int = 3
) -> Sampler:
    """DPM-Solver by diffusers, Lu et al. 2022 (arXiv:2206.00927), algorithm 1 and 2.

    A block of `order` evaluations (2 or 3) leads over as many steps of the grid. In even steps of
    lambda that of 2 is the step of `kdpm2`. Of 3, the scheduler reaches the second of the two
    middle points by the step of order 2, where algorithm 2 takes another of the same order.
    """
    return Sampler(
        problem,
        setting,
        solve=singlestep(order, "dpmsolver"),
        formula=by_blocks(order, NOISE),
        grid=grid,
        order=order,
    )
