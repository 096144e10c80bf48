"""How straight the paths of a flow are: few steps of Euler's are enough along straight ones."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from bench import Measurement
from suites.samplers.families import predict_velocity
from suites.samplers.ground import Denoise
from suites.samplers.noise import draw_noise
from suites.samplers.sampler import Sampler

NUM_STEPS, NUM_PATHS = 64, 128


def curvature(denoise: Denoise, x: Tensor, sigma_max: float) -> float:
    """Return S(Z) over E |Z_1 - Z_0|^2 along the paths from x = sigma_max noise: 0 if straight.

    S(Z) is the integral over t of E |(Z_1 - Z_0) - dZ/dt|^2, Liu et al. 2023 (arXiv:2209.03003).
    Of Euler's even steps Z_1 - Z_0 is the mean of the velocities, and S(Z) their variance.
    """
    times = np.linspace(sigma_max / (1 + sigma_max), 0, NUM_STEPS + 1).tolist()
    state, chord = x * (1 - times[0]), torch.zeros_like(x, dtype=torch.float64)
    square = 0.0
    for time, following in pairwise(times):
        velocity = predict_velocity(denoise, state, time)
        state = state + (following - time) * velocity
        chord += velocity.double() / NUM_STEPS
        square += float(velocity.double().square().mean()) / NUM_STEPS
    straight = float(chord.square().mean())
    return (square - straight) / straight


class FlowSampler(Sampler):
    """A sampler whose few steps are as good as the ground's flow is straight."""

    def own_worth(self, seed: int) -> list[Measurement]:
        problem, setting, sigma_max = self.problem, self.setting, self.sigmas[0]
        count = NUM_PATHS if problem.model is None else problem.batch  # what fits the user says
        shape = problem.loaded.shape
        noise = draw_noise(shape, count, seed, setting.dtype, setting.device)
        found = curvature(self.network.denoise, sigma_max * noise.start, sigma_max)
        return [Measurement("curvature", "1", [found])]
