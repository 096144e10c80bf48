"""Upsample Guidance: means of blocks from the resolution a network was trained at."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from bench import Setting, Unsupported, variant
from suites.samplers.families import predict_noise, vp_scale
from suites.samplers.ground import Denoise
from suites.samplers.noise import Noise
from suites.samplers.problem import Sampling
from suites.samplers.sampler import Sampler
from suites.samplers.upsampled import SIDE, block_means, repeated


@variant(marks=["variation", "resolution"])
def upsample_guidance(
    problem: Sampling,
    *,
    setting: Setting,
    grid: str = "cosine_shifted",
    upsample_scale: float = 1.0,
) -> Sampler:
    """Hwang et al. 2024 (arXiv:2404.01709), by DDIM's steps; no library has it.

    What the network says of means over 2 x 2 pixels is pulled by `upsample_scale`, the paper's w,
    towards what it says of them at half the resolution, where the same image has half the noise. 0
    is DDIM, one call a step; else a step has two calls, of which the small one counts as one too.
    """
    if upsample_scale and problem.nfe < 2:
        raise Unsupported("takes two evaluations a step, the budget has one")

    def solve(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        """Step towards the denoised images: DDIM on x = data + sigma noise."""
        for sigma, following in pairwise(sigmas):
            clean = denoise(x, sigma)
            if upsample_scale:
                small = denoise(block_means(x), sigma / SIDE)
                clean = clean.add(repeated(small - block_means(clean)), alpha=upsample_scale)
            x = torch.lerp(x, clean, 1 - following / sigma)
        return x

    def formula(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        """Write it for epsilon and VP states x_t: SNR(tau) = m^2 SNR(t), P the variance of D[x_t].

        epsilon~ = epsilon(x_t, t) + w U[epsilon(D[x_t] / sqrt(P), tau) / m - D[epsilon(x_t, t)]],
        with averages D over blocks of sides m, and U which repeats.
        """
        m, state = SIDE, x * vp_scale(sigmas[0])
        for sigma, following in pairwise(sigmas):
            alpha, alpha_next = vp_scale(sigma) ** 2, vp_scale(following) ** 2
            epsilon = predict_noise(denoise, state / alpha**0.5, sigma)
            if upsample_scale:
                power = alpha + (1 - alpha) / m**2
                alpha_tau = alpha / power
                low = block_means(state) / power**0.5
                sigma_tau = ((1 - alpha_tau) / alpha_tau) ** 0.5
                small = predict_noise(denoise, low / alpha_tau**0.5, sigma_tau)
                epsilon = epsilon + upsample_scale * repeated(small / m - block_means(epsilon))
            clean = (state - (1 - alpha) ** 0.5 * epsilon) / alpha**0.5
            state = alpha_next**0.5 * clean + (1 - alpha_next) ** 0.5 * epsilon
        return state / vp_scale(sigmas[-1])

    calls = 2 if upsample_scale else 1
    return AtTwoResolutions(
        problem,
        setting,
        solve=solve,
        formula=formula,
        grid=grid,
        order=0,
        num_steps=problem.nfe // calls,
    )


class AtTwoResolutions(Sampler):
    """A sampler whose network takes images of the ground's sides, and of half of them."""

    def denoiser(self, dtype: torch.dtype) -> Denoise:
        ground, device = self.problem.loaded, self.setting.device
        small = ground.coarse(dtype, device)
        if small is None:
            raise Unsupported(f"needs a lower resolution, which {self.problem.ground} has not")
        coarse, fine = small, ground.denoiser(dtype, device)

        def denoise(x: Tensor, sigma: float) -> Tensor:
            return (fine if tuple(x.shape[1:]) == ground.shape else coarse)(x, sigma)

        return denoise
