"""The observed order of convergence: the slope of the error over a ladder of steps."""

from __future__ import annotations

import numpy as np
import torch

from bench import Measurement
from suites.samplers.grids import LADDER, SIGMA_MAX
from suites.samplers.noise import draw_noise
from suites.samplers.reference import solve_ode
from suites.samplers.sampler import Sampler

# Floors this ladder stays above: the jump from sigma_min to 0 (1e-5), integer time steps (1e-4),
# float32 tables (1e-6). So the end is well inside, the levels continuous, the states float64. It
# begins where sampling does: a multistep method's first steps are of lower order, and elsewhere
# what they err, small as D hardly moves up there, would be all there is to see.
SIGMA_HIGH, SIGMA_LOW = SIGMA_MAX, 0.2
NUM_POINTS = 32
TOLERANCE = 1e-12


def observed_order(sampler: Sampler, seed: int) -> list[Measurement]:
    """Fit log error = c - order log N over `LADDER`, on the sampler's own kind of grid."""
    errors = ladder_errors(sampler, seed)
    slope = np.polyfit(np.log(LADDER), np.log(errors), 1)[0]
    return [
        Measurement("observed_order", "1", [float(-slope)]),
        Measurement("nominal_order", "1", [float(sampler.order or 0)]),
    ]


def ladder_errors(sampler: Sampler, seed: int) -> list[float]:
    """Return the error at every N of the ladder, from the same noise.

    The error is the median over images of the root mean square over elements: a trajectory that a
    coarse grid carries over to another mode says nothing of the order, and would own a mean.
    """
    ground, cpu = sampler.problem.loaded, torch.device("cpu")
    denoise = ground.denoiser(torch.float64, cpu)
    noise = draw_noise(ground.shape, NUM_POINTS, seed, torch.float64, cpu)
    start = SIGMA_HIGH * noise.start
    true = solve_ode(denoise, start, SIGMA_HIGH, SIGMA_LOW, TOLERANCE)
    errors = []
    for num_steps in LADDER:
        sigmas = sampler.grid.between(num_steps, SIGMA_HIGH, SIGMA_LOW)
        got = sampler.solve(denoise, sigmas, start, noise)
        errors.append(float((got - true).square().flatten(1).mean(-1).sqrt().median()))
    return errors
