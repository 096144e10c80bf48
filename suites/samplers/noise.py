"""Noise seeded image by image: image i gets the same bits at any batch size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

START, STEPS = 0, 1  # streams of an image: where it starts, and what a stochastic sampler adds


@dataclass(frozen=True)
class Noise:
    """Standard normal noise for images `first` ... `first + batch - 1` of a seed.

    `start` (batch, *shape) is in the case's dtype; it and the later draws are made in float32 on
    the CPU, and cast. Later draws are made anew by whoever asks: a sampler, or its check.
    With `times` above 1 the same images come so often, one whole set after the other.
    """

    start: Tensor
    seed: int
    first: int = 0
    times: int = 1

    @property
    def images(self) -> list[int]:
        """Return the number of every image, which with the seed says what noise it gets."""
        return [*range(self.first, self.first + len(self.start) // self.times)] * self.times

    def generators(self) -> list[torch.Generator]:
        """Return one CPU generator an image, each at the beginning of its second stream."""
        return [generator(self.seed, image, STEPS) for image in self.images]

    def draw(self, generators: list[torch.Generator]) -> Tensor:
        """Draw the next noise of every image, float32, on the device of `start`."""
        shape = self.start.shape[1:]
        drawn = [torch.randn(shape, generator=own) for own in generators]
        return queued(torch.stack(drawn), self.start.device)


def queued(drawn: Tensor, device: torch.device) -> Tensor:
    """Return what was drawn on the CPU, on a device; the host does not wait until it is there."""
    return drawn.to(device, non_blocking=True)


def generator(seed: int, image: int, stream: int) -> torch.Generator:
    """Return a CPU generator that depends on these three numbers alone."""
    state = np.random.SeedSequence([seed, image, stream]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0]))


def draw_noise(
    shape: tuple[int, ...],
    batch: int,
    seed: int,
    dtype: torch.dtype,
    device: torch.device,
    first: int = 0,
) -> Noise:
    """Draw the start of images `first` ... `first + batch - 1`."""
    own = [torch.randn(shape, generator=generator(seed, first + i, START)) for i in range(batch)]
    return Noise(torch.stack(own).to(device, dtype), seed, first)
