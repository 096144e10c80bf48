"""A multilayer perceptron trained on the digits: about a minute on one core, once."""

from __future__ import annotations

from suites.models import mlp, unet
from suites.models.digits import load_images
from suites.models.training import Recipe
from suites.samplers.trained import Trained

RECIPE = Recipe(num_steps=4000)


def ground(data: str | None = None) -> Trained:
    """Return the ground over the digits, or over a user's images."""
    images = load_images(data).pixels
    shape = tuple(images.shape[1:])
    return Trained("mlp", lambda: mlp.Mlp(shape), RECIPE, images, (mlp, unet))
