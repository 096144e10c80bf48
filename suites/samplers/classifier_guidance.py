"""Classifier guidance: up the gradient of a classifier of noisy images."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import torch
from torch import Tensor

from bench import Setting, variant
from suites.samplers.families import predict_noise, vp_scale
from suites.samplers.ground import Denoise
from suites.samplers.guided import labels_of, number_of_classes
from suites.samplers.noise import Noise
from suites.samplers.problem import Sampling
from suites.samplers.sampler import Sampler


@variant(marks=["variation", "guidance"])
def classifier_guidance(
    problem: Sampling, *, setting: Setting, grid: str = "vp", scale: float = 1.0
) -> Sampler:
    """Dhariwal and Nichol 2021 (arXiv:2105.05233), algorithm 2: guided DDIM.

    `scale` is the paper's s; 0 ignores the class. The classifier is the ground's own, and no part
    of the budget, which counts calls of the denoiser: its gradient costs about two of them.
    """
    num_classes = number_of_classes(problem)
    classifier = cache(problem.loaded.class_log_probabilities)  # of a dtype and a device
    classifier(setting.dtype, setting.device)  # refused here where there is none

    def solve(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        """Step towards D + s sigma^2 grad log p(y | x): DDIM on x = data + sigma noise."""
        labels = labels_of(noise, num_classes)
        classify = classifier(x.dtype, x.device)
        for sigma, following in pairwise(sigmas):
            with torch.enable_grad():
                leaf = x.detach().requires_grad_()
                own = classify(leaf, sigma).gather(1, labels[:, None]).sum()
                (gradient,) = torch.autograd.grad(own, leaf)
            guided = denoise(x, sigma).add_(gradient, alpha=scale * sigma**2)
            x = torch.lerp(x, guided, 1 - following / sigma)
        return x

    def formula(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        """Write algorithm 2, with the gradient of the classifier at the VP state x_t."""
        labels, state = labels_of(noise, num_classes), x * vp_scale(sigmas[0])
        classify = classifier(x.dtype, x.device)
        for sigma, following in pairwise(sigmas):
            alpha, alpha_next = vp_scale(sigma) ** 2, vp_scale(following) ** 2
            with torch.enable_grad():
                x_t = state.detach().requires_grad_()
                logs = classify(x_t / alpha**0.5, sigma)[range(len(x)), labels]
                logs.sum().backward()
            gradient = x_t.grad
            epsilon = predict_noise(denoise, state / alpha**0.5, sigma)
            epsilon = epsilon - scale * (1 - alpha) ** 0.5 * gradient
            clean = (state - (1 - alpha) ** 0.5 * epsilon) / alpha**0.5
            state = alpha_next**0.5 * clean + (1 - alpha_next) ** 0.5 * epsilon
        return state / vp_scale(sigmas[-1])

    return Sampler(problem, setting, solve=solve, formula=formula, grid=grid, order=None)
