"""Guidance: a sampler of images with labels, whose denoiser is pushed towards their classes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from bench import Setting, Unsupported
from suites.samplers.noise import Noise, generator, queued
from suites.samplers.sampler import Integrate, Sampler
from suites.samplers.workload import Workload

Network = Callable[..., Tensor]  # of images, a noise level and labels, or none
LABELS = 2  # the stream of an image that its label is drawn from


class Conditional:
    """D(x; sigma | y) where labels are given, (B,), and D(x; sigma) where not.

    `none` is the label that stands for no class.
    """

    def __init__(self, plain: Network, classed: Network, num_classes: int):
        self.plain, self.classed, self.none = plain, classed, num_classes

    def __call__(self, x: Tensor, sigma: float, *labels: Tensor) -> Tensor:
        return self.classed(x, sigma, *labels) if labels else self.plain(x, sigma)


class Guided(Sampler):
    """A sampler whose network takes labels; its result solves no ODE of the data's.

    Every image has the label of its own seed, drawn evenly from all classes.
    """

    def __init__(
        self,
        problem: Workload,
        setting: Setting,
        *,
        solve: Integrate,
        formula: Integrate,
        grid: str,
        num_steps: int,
    ):
        number_of_classes(problem)
        super().__init__(
            problem,
            setting,
            solve=solve,
            formula=formula,
            grid=grid,
            order=None,
            num_steps=num_steps,
        )

    def denoiser(self, dtype: torch.dtype) -> Conditional:
        ground, device = self.problem.loaded, self.setting.device
        classed = ground.conditional(dtype, device)
        plain = ground.denoiser(dtype, device)
        return Conditional(plain, classed, number_of_classes(self.problem))


def number_of_classes(problem: Workload) -> int:
    """Count the classes of the ground; Unsupported where it has none."""
    if problem.loaded.num_classes is None:
        raise Unsupported(f"needs a ground with classes, which {problem.ground} has not")
    return problem.loaded.num_classes


def labels_of(noise: Noise, num_classes: int) -> Tensor:
    """Return every image's label, (B,), the same at any batch size."""
    drawn = [
        torch.randint(num_classes, (), generator=generator(noise.seed, image, LABELS))
        for image in noise.images
    ]
    return queued(torch.stack(drawn), noise.start.device)
