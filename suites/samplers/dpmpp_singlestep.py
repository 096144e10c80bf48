"""DPM-Solver++(2S) and (3S): exponential Runge-Kutta methods of the data prediction."""

from __future__ import annotations

from bench import Setting, variant
from suites.samplers.exponential import DATA
from suites.samplers.problem import Sampling
from suites.samplers.sampler import Sampler
from suites.samplers.singlestep import by_blocks, singlestep


@variant(marks=["variation"])
def dpmpp_singlestep(
    problem: Sampling, *, setting: Setting, grid: str = "log", order: int = 2
) -> Sampler:
    """DPM-Solver++ singlestep by diffusers, Lu et al. 2022 (arXiv:2211.01095), algorithm 1.

    A block of `order` evaluations (2 or 3) leads over as many steps of the grid.
    """
    return Sampler(
        problem,
        setting,
        solve=singlestep(order, "dpmsolver++"),
        formula=by_blocks(order, DATA),
        grid=grid,
        order=order,
    )
