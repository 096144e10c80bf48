"""A network of the user's own from disk; see `suites.samplers.diffusers_model`."""

from __future__ import annotations

import copy
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from suites.models.digits import load_images
from suites.samplers.diffusers_model.folder import Folder, read_folder
from suites.samplers.diffusers_model.networks import Caller, caller_of
from suites.samplers.diffusers_model.schedule import Schedule, schedule_of
from suites.samplers.ground import Denoise, DenoiseClass, Ground
from suites.samplers.real import disjoint_halves

DECODED = 8  # latents a call of the decoder, whose activations are large


@dataclass(frozen=True)
class Model(Ground):
    """A network that predicts, the schedule it was trained with, and real images where given."""

    folder: Folder
    schedule: Schedule
    caller: Caller
    real: Tensor | None

    @property
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]
        return latent_shape(self.folder)

    @property
    def image_shape(self) -> tuple[int, ...]:
        return image_shape(self.folder)

    @property
    def sigma_max(self) -> float:  # type: ignore[override]
        return self.schedule.sigma_max

    @property
    def num_classes(self) -> int | None:  # type: ignore[override]
        return self.caller.num_classes

    def denoiser(self, dtype: torch.dtype, device: torch.device) -> Denoise:
        conditional = self._denoiser(dtype, device)
        return lambda x, sigma: conditional(x, sigma, None)

    def conditional(self, dtype: torch.dtype, device: torch.device) -> DenoiseClass:
        if self.num_classes is None:
            raise ValueError(f"{self.folder.path}: expected a network of classes, it has none")
        return self._denoiser(dtype, device)

    def _denoiser(self, dtype: torch.dtype, device: torch.device) -> Any:
        """Place the network; of a learned variance, channels beyond the state's, nothing is used.

        Time steps are float32 whatever the network computes in, as diffusers embeds them.
        """
        own = copy.deepcopy(self.folder.network)
        network = nn.Module.to(own, device, dtype)  # diffusers' own warns of what it keeps

        def denoise(x: Tensor, sigma: float, labels: Tensor | None) -> Tensor:
            def predict(state: Tensor, time: float) -> Tensor:
                times = torch.full((len(x),), time, device=x.device)
                return self.caller.call(network, state, times, labels)[:, : x.shape[1]]

            return self.schedule.denoised(predict, x, sigma)

        return denoise

    def decoded(self, x: Tensor) -> Tensor:
        """Decode latents where there is a decoder: what is sampled is what it was scaled by."""
        if self.folder.decoder is None:
            return x
        decoder = self.folder.decoder.to(x.device)
        latents = x.float() / decoder.config.scaling_factor
        latents = latents + (getattr(decoder.config, "shift_factor", None) or 0.0)
        with torch.no_grad():
            parts = [decoder.decode(part).sample for part in latents.split(DECODED)]
        return torch.cat(parts).to(x)

    def halves(self, num_images: int, seed: int) -> tuple[Tensor, Tensor]:
        if self.real is None:
            raise ValueError("expected real images to compare with, as --data or --reference")
        return disjoint_halves(self.real, num_images, seed)


def latent_shape(folder: Folder) -> tuple[int, ...]:
    """Return (C, H, W) of what the network denoises."""
    config = folder.network.config
    size = config.sample_size
    sides = [size, size] if isinstance(size, int) else list(size or ())
    if len(sides) != 2:
        raise ValueError(f"{folder.path}: expected sample_size in config.json, got {size}")
    if config.out_channels not in (None, config.in_channels, 2 * config.in_channels):
        raise ValueError(
            f"{folder.path}: expected a prediction of {config.in_channels} channels, as the state "
            f"has, or twice as many, got {config.out_channels}"
        )
    return (config.in_channels, *sides)


def image_shape(folder: Folder) -> tuple[int, ...]:
    """Return (C, H, W) of the images: a decoder doubles the sides once a level but the first."""
    channels, *sides = latent_shape(folder)
    if folder.decoder is None:
        return (channels, *sides)
    config = folder.decoder.config
    if config.latent_channels != channels:
        raise ValueError(
            f"{folder.path}: expected a decoder of {channels} channels, got "
            f"{config.latent_channels}"
        )
    scale = math.prod([2] * (len(config.block_out_channels) - 1))
    return (config.out_channels, *(side * scale for side in sides))


def ground(data: str | None = None, model: str | None = None) -> Model:
    """Return the ground of the network at `model`, with a user's images as the real ones."""
    if model is None:
        raise ValueError("expected a folder as --model PATH")
    folder = read_folder(Path(os.path.expanduser(model)))
    schedule = schedule_of(folder.scheduler, f"{model}: scheduler_config.json")
    real = None if data is None else load_images(data).pixels
    expected = image_shape(folder)
    if real is not None and tuple(real.shape[1:]) != expected:
        raise ValueError(
            f"{data}: expected images of shape {expected}, as the model draws them, got "
            f"{tuple(real.shape[1:])}"
        )
    return Model(folder, schedule, caller_of(folder.network, folder.path), real)
