"""The skip connections of a U-Net, scaled after training: its decoder sees less of its encoder.

Ma et al. 2024 (arXiv:2402.15170). Nothing of it is in the U-Net itself, which pays nothing for it.
"""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn

from suites.models.unet import Block, UNet


def coefficients(network: UNet, scale: float) -> list[float]:
    """Return one a connection as the decoder meets them: from `scale`, the coarsest's, to 1.

    Between the ends they are even, as the paper's linear interpolation.
    """
    last = len(_decoder(network)) - 1
    return [scale + (1 - scale) * number / last for number in range(last + 1)]


def scale_skips(network: UNet, scale: float) -> None:
    """Scale every connection from now on, before its decoder block sees it.

    ValueError where the scale is not above 0.
    """
    if not scale > 0:
        raise ValueError(f"expected a scale of skips above 0, got {scale}")
    factors = coefficients(network, scale)
    for block, width, factor in zip(_decoder(network), _widths(network), factors, strict=True):
        if factor != 1:
            block.register_forward_pre_hook(partial(_scale_last, width=width, factor=factor))


def _scale_last(block: nn.Module, given: tuple[Tensor, ...], width: int, factor: float) -> None:
    """Scale the last channels in place: what was joined for this block is nobody else's."""
    given[0][:, -width:].mul_(factor)


def _decoder(network: UNet) -> list[Block]:
    """Return the blocks that connections lead to, the coarsest first."""
    return [layer for layer in network.up if isinstance(layer, Block)]


def _widths(network: UNet) -> list[int]:
    """Return the channels of every connection in the same order: what the encoder gave last."""
    encoder = [layer.conv2 if isinstance(layer, Block) else layer for layer in network.down]
    given = reversed([network.first, *encoder])
    return [layer.out_channels for layer in given if isinstance(layer, nn.Conv2d)]
