"""The U-Net trained on the digits: some minutes on one core, once."""

from __future__ import annotations

from suites.models import unet
from suites.models.digits import load_images
from suites.models.training import Recipe
from suites.samplers.trained import Trained

RECIPE = Recipe(num_steps=5000, batch=64)


def ground(data: str | None = None) -> Trained:
    """Return the ground over the digits, or over a user's images of even sides."""
    images = load_images(data).pixels
    channels, height, width = images.shape[1:]
    if height % 2 or width % 2:
        raise ValueError(f"unet: expected images of even sides, got {height} x {width}")
    return Trained("unet", lambda: unet.UNet(channels), RECIPE, images, (unet,))
