"""The workloads: a GPT on text and a U-Net on digits, each trained by AdamW for a fixed budget."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import torch
from torch import Tensor, nn

from bench import Plain, Setting
from suites.models.checkpointing import expect_kind
from suites.models.digits import load_images
from suites.models.gpt import GPTConfig, gpt, loss
from suites.models.seeded import seeded
from suites.models.text import windows
from suites.models.unet import UNet
from suites.precision.fine_tuning import FineTuning
from suites.precision.training import Training
from suites.precision.workload import Batch

__all__ = ["FineTuning", "GPTTraining", "Training", "UNetTraining"]


@dataclass(frozen=True)
class GPTTraining(Training):
    """Next-character prediction; batches (B, S) of text, logits (B, S, V)."""

    batch: int = 8
    seqlen: int = 128
    num_layers: int = 2
    num_heads: int = 4
    dim: int = 128
    num_steps: int = 40
    data: str | None = None
    micro_batches: int | None = None
    checkpointing: str | None = None
    adamw: str | None = None

    rows_apart: ClassVar[bool] = True
    examples: ClassVar[tuple[dict[str, Plain], ...]] = (
        {"batch": 2, "seqlen": 32, "num_heads": 2, "dim": 32},
    )

    def __post_init__(self) -> None:
        self.expect_positive("batch", "num_steps")
        self.expect_way()
        expect_kind(self.checkpointing)
        self._config()

    def _config(self) -> GPTConfig:
        return GPTConfig(self.num_layers, self.num_heads, self.dim, self.seqlen)

    def network(self, seed: int) -> nn.Module:
        return gpt(self._config(), seed)

    def layers_of(self, network: nn.Module) -> list[nn.Module]:
        blocks = network.get_submodule("blocks")
        return list(blocks.children())

    def draw(self, seed: int) -> Batch:
        return windows(seed, self.batch, self.seqlen, self.data)

    def output(self, network: nn.Module, batch: Batch) -> Tensor:
        logits: Tensor = network(batch[0])
        return logits

    def loss(self, output: Tensor, batch: Batch) -> Tensor:
        return loss(output, batch[1])

    def expect_files(self) -> None:
        """Read the user's text, and a window of it."""
        windows(0, 1, self.seqlen, self.data)

    def flops(self, setting: Setting) -> int:
        """Count the products of forward and, twice as many, backward."""
        return 3 * self._config().matmul_flops(self.batch * self.seqlen)

    def work(self, setting: Setting) -> dict[str, float]:
        return {"tokens": self.batch * self.seqlen}


@dataclass(frozen=True)
class UNetTraining(Training):
    """Noise prediction (Ho et al. 2020, arXiv:2006.11239, eq. 14) on images (B, C, H, W).

    A time t in (0, 1) mixes image and noise by cos and sin of t pi / 2.
    """

    batch: int = 32
    channels: int = 32
    num_steps: int = 40
    data: str | None = None
    micro_batches: int | None = None
    adamw: str | None = None

    examples: ClassVar[tuple[dict[str, Plain], ...]] = ({"batch": 4, "channels": 16},)
    convolutional: ClassVar[bool] = True
    rows_apart: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self.expect_positive("batch", "channels", "num_steps")
        self.expect_way()

    def expect_files(self) -> None:
        """Read the user's images; ValueError where the network cannot halve their sides."""
        side = load_images(self.data).pixels.shape[-1]
        if side % 2:
            raise ValueError(f"{self.data}: expected images of even sides, got {side}")

    def network(self, seed: int) -> nn.Module:
        image_channels = load_images(self.data).pixels.shape[1]
        widths = (self.channels, 2 * self.channels)
        return seeded(seed, lambda: _started(UNet(image_channels, widths)))

    def draw(self, seed: int) -> Batch:
        generator = torch.Generator().manual_seed(seed)
        pixels = load_images(self.data).pixels
        chosen = torch.randint(len(pixels), (self.batch,), generator=generator)
        clean_BCHW = pixels[chosen]
        noise_BCHW = torch.randn(clean_BCHW.shape, generator=generator)
        time_B = torch.rand(self.batch, generator=generator)
        angle_B111 = (time_B * torch.pi / 2)[:, None, None, None]
        noisy_BCHW = angle_B111.cos() * clean_BCHW + angle_B111.sin() * noise_BCHW
        return (noisy_BCHW, time_B, noise_BCHW)

    def output(self, network: nn.Module, batch: Batch) -> Tensor:
        noise_BCHW: Tensor = network(batch[0], batch[1])
        return noise_BCHW

    def loss(self, output: Tensor, batch: Batch) -> Tensor:
        wide = torch.promote_types(output.dtype, torch.float32)
        return (output.to(wide) - batch[2].to(wide)).square().mean()

    def flops(self, setting: Setting) -> int | None:
        """Count the products of forward and backward; None where the user's images are not read."""
        try:
            image_shape = tuple(load_images(self.data).pixels.shape[1:])
        except (OSError, ValueError):
            return None
        return self.batch * _image_flops(self.channels, image_shape)

    def work(self, setting: Setting) -> dict[str, float]:
        return {"images": self.batch}


@cache
def _image_flops(channels: int, image_shape: tuple[int, ...]) -> int:
    """Count what one image (C, H, W) takes, on shapes alone."""
    from torch.utils.flop_counter import FlopCounterMode

    with torch.device("meta"), torch.enable_grad():
        network = UNet(image_shape[0], (channels, 2 * channels))
        with FlopCounterMode(display=False) as counted:
            network(torch.empty(1, *image_shape), torch.empty(1)).sum().backward()
    return int(counted.get_total_flops())


def _started(network: UNet) -> UNet:
    """Draw the last convolution too: at 0 no gradient of a first step would pass it."""
    last = network.last[-1]
    assert isinstance(last, nn.Conv2d)
    nn.init.normal_(last.weight, std=0.02)
    return network
