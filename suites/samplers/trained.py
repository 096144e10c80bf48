"""A trained denoiser as a ground: a preconditioned network, trained on first use, kept on disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

import torch
from torch import Tensor, nn

from suites.models import edm, stored, training
from suites.samplers.ground import Denoise, Ground, Progress
from suites.samplers.real import disjoint_halves


@dataclass(frozen=True)
class Trained(Ground):
    """A network's constructor `build`, the recipe it is trained by, and the images (n, C, H, W).

    `sources` are the modules whose text the weights depend on: with the recipe, the images, the
    form and torch's version they name the file that the weights are kept in.
    """

    name: str
    build: Callable[[], nn.Module]
    recipe: training.Recipe
    images: Tensor
    sources: tuple[ModuleType, ...]
    form: edm.Form = edm.EDM

    @property
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]
        return tuple(self.images.shape[1:])

    def provision(self, progress: Progress) -> None:
        """Train the denoiser, unless its weights are there."""
        self.weights(lambda _, share: progress(f"training {self.name}", share))

    def weights(self, progress: Progress = lambda *_: None) -> dict[str, Tensor]:
        """Return the trained weights, from the cache or trained now."""
        how = (self.build(), self.recipe, self.images, self.form.name)
        key = stored.content_key(edm, training, *self.sources, *how)
        kept: dict[str, Tensor] = stored.stored(
            f"samplers-{self.name}", key, lambda: self._train(progress)
        )
        return kept

    def _train(self, progress: Progress) -> dict[str, Tensor]:
        return training.train_denoiser(self.build, self.images, self.recipe, progress, self.form)

    def denoising_network(self, dtype: torch.dtype, device: torch.device) -> nn.Module:
        """Return the trained network; all of its arithmetic is in `dtype`."""
        weights = self.weights()
        network = edm.Preconditioned(self.build(), 1.0, self.form)
        network.load_state_dict(weights)
        return network.to(device, dtype).eval().requires_grad_(False)

    def denoiser(self, dtype: torch.dtype, device: torch.device) -> Denoise:
        return denoiser_of(self.denoising_network(dtype, device))

    def halves(self, num_images: int, seed: int) -> tuple[Tensor, Tensor]:
        return disjoint_halves(self.images, num_images, seed)


def denoiser_of(network: nn.Module) -> Denoise:
    """Return D(x; sigma), with one noise level for the batch, of a network D(x, sigma_B)."""

    def denoise(x: Tensor, sigma: float) -> Tensor:
        return network(x, x.new_full((len(x),), sigma))

    return denoise
