"""Skip-Tuning: a trained U-Net whose decoder is shown less of its encoder, in Heun's steps."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from bench import Setting, Unsupported, variant
from suites.models.skips import scale_skips
from suites.models.unet import Block, UNet
from suites.samplers.edm import edm
from suites.samplers.ground import Denoise
from suites.samplers.noise import Noise
from suites.samplers.problem import Sampling
from suites.samplers.sampler import Sampler
from suites.samplers.trained import denoiser_of


@variant(marks=["variation", "skips"])
def skip_tuning(
    problem: Sampling, *, setting: Setting, grid: str = "karras", skip_scale: float = 0.8
) -> Sampler:
    """Ma et al. 2024 (arXiv:2402.15170) on EDM's deterministic sampler; no library has it.

    `skip_scale` is rho at the coarsest connection; towards the finest it rises to 1 in even steps.
    1 is Heun's method, Karras et al. 2022 (arXiv:2206.00364), algorithm 1: two evaluations a step,
    one in the last. The ODE of a network that was changed is not the data's: there is no order.
    """
    return SkipTuned(edm.build(problem, setting, {"grid": grid, "s_churn": 0.0}), skip_scale)


class SkipTuned(Sampler):
    """A sampler whose network is changed; that of its formula is called layer by layer."""

    def __init__(self, plain: Sampler, skip_scale: float):
        self.skip_scale = skip_scale
        super().__init__(
            plain.problem,
            plain.setting,
            solve=plain.solve,
            formula=plain.formula,
            grid=plain.grid,
            order=0,
            num_steps=plain.num_steps,
        )

    def denoiser(self, dtype: torch.dtype) -> Denoise:
        network, unet = self._network(dtype)
        scale_skips(unet, self.skip_scale)
        return denoiser_of(network)

    def by_formula(self, noise: Noise, sigmas: list[float], dtype: torch.dtype) -> Tensor:
        network, unet = self._network(dtype)
        network.network = ByHand(unet, self.skip_scale)
        start = sigmas[0] * noise.start.to(dtype)
        return self.formula(denoiser_of(network), sigmas, start, noise)

    def _network(self, dtype: torch.dtype) -> tuple[nn.Module, UNet]:
        """Return a denoiser of its own, and the U-Net in it; Unsupported where there is none."""
        network = self.problem.loaded.denoising_network(dtype, self.setting.device)
        unet = getattr(network, "network", None)
        if network is None or not isinstance(unet, UNet):
            raise Unsupported(f"needs a U-Net's skip connections, {self.problem.ground} has none")
        return network, unet


class ByHand(nn.Module):
    """The layers of a U-Net called one by one: the decoder is given [x, rho skip]."""

    def __init__(self, unet: UNet, skip_scale: float):
        super().__init__()
        self.unet, self.skip_scale = unet, skip_scale

    def forward(self, x: Tensor, time_B: Tensor) -> Tensor:
        unet, embedded = self.unet, self.unet.embed(time_B)

        def through(layer: nn.Module, x: Tensor) -> Tensor:
            return layer(x, embedded) if isinstance(layer, Block) else layer(x)

        skips = [unet.first(x)]
        for layer in unet.down:
            skips.append(through(layer, skips[-1]))
        x, rhos = skips[-1], np.linspace(1, self.skip_scale, len(skips)).tolist()
        for layer in unet.middle:
            x = through(layer, x)
        for layer in unet.up:
            joined = [x, rhos.pop() * skips.pop()] if isinstance(layer, Block) else [x]
            x = through(layer, torch.cat(joined, 1))
        return unet.last(x)
