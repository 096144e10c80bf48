"""The flow of `digits_mixture`, straightened: a network trained on where its ODE leads noise to.

Liu et al. 2023 (arXiv:2209.03003), algorithm 1 applied once more (2-rectified flow). The exact
flow of `digits_mixture` is the first; here Euler's few steps of `flow_euler` are to be nearly as
good as many. Some two minutes on one core, once: 8192 solved paths, and the network.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from suites.models import mlp, rectified, stored, training, unet
from suites.models.training import Recipe
from suites.samplers.families import predict_noise
from suites.samplers.full_mixture import FullMixture
from suites.samplers.grids import SIGMA_MAX, grid_named
from suites.samplers.ground import Denoise, Ground, Progress
from suites.samplers.grounds import digits_mixture
from suites.samplers.moments import Moments

WIDTH = 256
RECIPE = Recipe(num_steps=6000, batch=256)
NUM_PAIRS, BATCH, NUM_STEPS = 8192, 512, 32  # Heun's, on the grid of Karras et al.
SEED = 0


class Reflow(Ground):
    """The network, and the mixture whose flow it was taught."""

    def __init__(self, mixture: FullMixture):
        self.mixture, self.shape = mixture, mixture.shape

    def provision(self, progress: Progress) -> None:
        self.mixture.provision(progress)
        self.weights(lambda _, share: progress("training reflow", share))

    def weights(self, progress: Progress = lambda *_: None) -> dict[str, Tensor]:
        """Return the trained weights, from the cache or trained now."""
        sizes = (WIDTH, RECIPE, NUM_PAIRS, NUM_STEPS)
        sources = (mlp, rectified, training, unet)
        key = stored.content_key(*sources, *self.mixture.gaussians, *sizes)
        kept: dict[str, Tensor] = stored.stored(
            "samplers-reflow", key, lambda: self._train(progress)
        )
        return kept

    def _train(self, progress: Progress) -> dict[str, Tensor]:
        noise = torch.randn(NUM_PAIRS, *self.shape, generator=torch.Generator().manual_seed(SEED))
        with training.one_thread(), torch.no_grad():
            denoise = self.mixture.denoiser(torch.float32, torch.device("cpu"))
            images = torch.cat([_solved(denoise, part) for part in noise.split(BATCH)])
        build = self._network
        return rectified.train_velocity(build, images, noise, RECIPE, progress)

    def _network(self) -> mlp.Mlp:
        return mlp.Mlp(self.shape, WIDTH)

    def denoiser(self, dtype: torch.dtype, device: torch.device) -> Denoise:
        """Return D = x_t - t v(x_t, t) with x_t = x / (1 + sigma) and t = sigma / (1 + sigma)."""
        network = self._network()
        network.load_state_dict(self.weights())
        network = network.to(device, dtype).eval().requires_grad_(False)

        def denoise(x: Tensor, sigma: float) -> Tensor:
            state, time = x / (1 + sigma), sigma / (1 + sigma)
            return state - time * network(state, state.new_full((len(x),), time))

        return denoise

    def moments(self, label: int | None = None) -> Moments:
        return self.mixture.moments(label)

    def halves(self, num_images: int, seed: int) -> tuple[Tensor, Tensor]:
        return self.mixture.halves(num_images, seed)


def _solved(denoise: Denoise, noise: Tensor) -> Tensor:
    """Return the image that the ODE leads each noise to, by Heun's method."""
    sigmas = grid_named("karras").sampling(NUM_STEPS)
    x = SIGMA_MAX * noise
    for sigma, following in pairwise(sigmas):
        slope = predict_noise(denoise, x, sigma)
        ahead = x + (following - sigma) * slope
        if following == 0:
            return ahead
        x = x + (following - sigma) * (slope + predict_noise(denoise, ahead, following)) / 2
    return x


def ground(data: str | None = None) -> Reflow:
    """Return the ground, trained on first use."""
    if data is not None:
        raise ValueError("reflow takes no data: it is taught by the flow of digits_mixture")
    return Reflow(digits_mixture.ground())
