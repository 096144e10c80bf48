"""SiD: images in one evaluation, by a generator distilled from the denoiser's score."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from bench import Setting, Unsupported, variant
from suites.models.score_identity import SIGMA_INIT, generate
from suites.samplers.distilled import distilled, generator_of
from suites.samplers.ground import Denoise, Progress
from suites.samplers.noise import Noise
from suites.samplers.problem import Sampling
from suites.samplers.sampler import Integrate, Sampler
from suites.samplers.workload import Workload


def provision(problem: Sampling, progress: Progress) -> None:
    """Distil the generator, unless that was done or is refused."""
    if not _refusal(problem):
        distilled(problem.loaded, problem.ground, progress)


@variant(marks=["variation", "stochastic", "one step"], provision=provision)
def sid(problem: Sampling, *, setting: Setting) -> Sampler:
    """Score identity distillation, Zhou et al. 2024 (arXiv:2404.04057); no library has it.

    The generator takes the place of the ground's denoiser, which was its teacher; it solves no ODE.
    """
    if refusal := _refusal(problem):
        raise Unsupported(refusal)
    weights = distilled(problem.loaded, problem.ground)

    def generator(dtype: torch.dtype) -> nn.Module:
        network = generator_of(problem.loaded.shape)
        network.load_state_dict(weights)
        return network.to(setting.device, dtype).eval().requires_grad_(False)

    def solve(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        """Ask the generator once; of an end above 0 the same noise is added again."""
        image = denoise(x * (SIGMA_INIT / sigmas[0]), SIGMA_INIT)
        return image.add(x, alpha=sigmas[-1] / sigmas[0]) if sigmas[-1] else image

    def formula(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        """Write x_g = G(z), z standard normal."""
        z = x / sigmas[0]
        return generate(generator(x.dtype), z) + sigmas[-1] * z

    return Distilled(problem, setting, generator, solve=solve, formula=formula)


class Distilled(Sampler):
    """A sampler that drives a network of its own, once."""

    def __init__(
        self,
        problem: Workload,
        setting: Setting,
        generator: Callable[[torch.dtype], nn.Module],
        *,
        solve: Integrate,
        formula: Integrate,
    ):
        self.generator = generator
        super().__init__(
            problem, setting, solve=solve, formula=formula, grid="flow", order=None, num_steps=1
        )

    def denoiser(self, dtype: torch.dtype) -> Denoise:
        network = self.generator(dtype)
        return lambda x, sigma: network(x, x.new_full((len(x),), sigma))


def _refusal(problem: Sampling) -> str:
    """Say why there is no generator; "" where there is one."""
    if problem.nfe > 1:
        return "takes one evaluation, which more would not better: ask it with nfe=1"
    if problem.model is not None:
        return "distils into the suite's own small network, which a model of yours is too large for"
    return ""
