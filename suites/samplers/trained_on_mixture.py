"""The same small network in every form, trained on samples of `digits_mixture`.

What each learned from is known exactly, so that forms are told apart by distances without a floor
of few real images. Less than a minute on one core each, once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from suites.models import forms, mlp, unet
from suites.models.edm import Form
from suites.models.training import Recipe
from suites.samplers.full_mixture import FullMixture
from suites.samplers.ground import Denoise, Ground, Progress
from suites.samplers.moments import Moments
from suites.samplers.trained import Trained

WIDTH = 128
RECIPE = Recipe(num_steps=3000)
NUM_TRAINED_ON = 20_000
SEED = 1 << 19  # of what is trained on, apart from those of what is compared with


@dataclass(frozen=True)
class TrainedOnMixture(Ground):
    """A network of one form, and the mixture that it was trained on."""

    form: Form
    mixture: FullMixture

    @property
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]
        return self.mixture.shape

    @cached_property
    def trained(self) -> Trained:
        """Return the ground over the samples alone."""
        images, _ = self.mixture.draw(NUM_TRAINED_ON, SEED)
        name, sources = f"mlp_{self.form.name}", (mlp, unet, forms)
        build = lambda: mlp.Mlp(self.shape, WIDTH)  # noqa: E731
        return Trained(name, build, RECIPE, images.float(), sources, self.form)

    def provision(self, progress: Progress) -> None:
        self.mixture.provision(progress)
        self.trained.provision(progress)

    def denoiser(self, dtype: torch.dtype, device: torch.device) -> Denoise:
        """Return the trained network; all of its arithmetic is in `dtype`."""
        return self.trained.denoiser(dtype, device)

    def moments(self, label: int | None = None) -> Moments:
        return self.mixture.moments(label)

    def halves(self, num_images: int, seed: int) -> tuple[Tensor, Tensor]:
        return self.mixture.halves(num_images, seed)


def of_form(form: Form, mixture: FullMixture, data: str | None) -> TrainedOnMixture:
    """Return the ground of a form, trained on first use; ValueError where data are given."""
    if data is not None:
        raise ValueError(
            f"mlp_{form.name} takes no data: it is trained on samples of digits_mixture"
        )
    return TrainedOnMixture(form, mixture)
