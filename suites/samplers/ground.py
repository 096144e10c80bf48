"""Ground: the data and the denoiser D(x; sigma) that every sampler is fed with.

A ground is a module in `suites/samplers/grounds/` with a function `ground(data) -> Ground`; its
file's name is its name. `data` is the path of a user's images, or None; `ground(data, model)` is
what takes a user's model.
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor, nn

from bench import Unsupported
from suites.samplers.grids import SIGMA_MAX
from suites.samplers.moments import Moments

Denoise = Callable[[Tensor, float], Tensor]
DenoiseClass = Callable[[Tensor, float, Tensor], Tensor]  # the last: labels (B,), int64
Progress = Callable[[str, float], None]
PACKAGE = "suites.samplers.grounds"


class Ground(ABC):
    """Subclass with a shape, a denoiser, and real samples to compare with.

    `exact`: D is the posterior mean in closed form, so that only the solver errs. `smooth`: its
    probability-flow ODE is smooth enough to show a solver's order of convergence, and cheap enough
    to show it with every case. `num_classes`: where its images have classes, and it a denoiser for
    each, a classifier of noisy images, or both.
    """

    exact: ClassVar[bool] = False
    smooth: ClassVar[bool] = False
    num_classes: int | None = None
    shape: tuple[int, ...]
    sigma_max: float = SIGMA_MAX  # where its noise begins; a trained network's may end below

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Return the shape of an image: that of what is sampled, unless it is decoded."""
        return self.shape

    def decoded(self, x: Tensor) -> Tensor:
        """Return the images (B, *image_shape) of what was sampled: itself, unless it is latents."""
        return x

    @abstractmethod
    def denoiser(self, dtype: torch.dtype, device: torch.device) -> Denoise:
        """Return D(x; sigma) for x = data + sigma noise, (B, *shape), one sigma for the batch."""

    @abstractmethod
    def halves(self, num_images: int, seed: int) -> tuple[Tensor, Tensor]:
        """Return two disjoint sets of real samples, float64: `num_images` each, or half of all."""

    def conditional(self, dtype: torch.dtype, device: torch.device) -> DenoiseClass:
        """Return D(x; sigma | y), each image's of its own label; Unsupported where there is none.

        The label `num_classes` is none: D(x; sigma), so that both fit into one call.
        """
        raise Unsupported("needs a ground with a denoiser for each class, which this has not")

    def denoising_network(self, dtype: torch.dtype, device: torch.device) -> nn.Module | None:
        """Return a copy of the network D(x, sigma_B), to be changed; None where D is none."""
        return None

    def coarse(self, dtype: torch.dtype, device: torch.device) -> Denoise | None:
        """Return D of half the resolution, of means over 2 x 2 pixels; None where it has none."""
        return None

    def class_log_probabilities(self, dtype: torch.dtype, device: torch.device) -> Denoise:
        """Return log p(y | x; sigma), (B, num_classes); Unsupported without a classifier."""
        raise Unsupported("needs a ground with a classifier of noisy images, which this has not")

    def moments(self, label: int | None = None) -> Moments | None:
        """Return mean and covariance of the coordinates, of all or of a class, where known."""
        return None

    def provision(self, progress: Progress) -> None:
        """Make on disk what the denoiser needs; a closed form needs nothing."""
        progress("ground", 1.0)


def ground_names() -> list[str]:
    """List the grounds there are, in alphabetical order, without importing them."""
    folder = importlib.import_module(PACKAGE).__path__
    return sorted(info.name for info in pkgutil.iter_modules(folder))


def load_ground(name: str, data: str | None = None, model: str | None = None) -> Ground:
    """Build a ground by name; ValueError where there is none of that name."""
    if name not in ground_names():
        raise ValueError(f"expected ground to be one of {', '.join(ground_names())}, got {name!r}")
    make = importlib.import_module(f"{PACKAGE}.{name}").ground
    ground: Ground = make(data) if model is None else make(data, model)
    return ground
