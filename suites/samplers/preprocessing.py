"""What an image goes through before Inception: it decides which FID a number is.

A preprocessing is a module in `suites/samplers/preprocessings/` with a function
`prepared(levels)` from 8-bit images to the network's input, and `DISTANCE`, what the distance is
called then; its file's name is its name. The three in use give three numbers of the same images.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

PACKAGE = "suites.samplers.preprocessings"
PAPERS = "tensorflow"  # what published tables were made with
SIDE = 299  # of Inception's input
WHITE = 255


class Preprocessing(NamedTuple):
    """The name of the distance, and the map from images in [-1, 1] to (n, 3, 299, 299)."""

    distance: str
    prepare: Callable[[Tensor], Tensor]


def preprocessing_names() -> list[str]:
    """List the preprocessings there are, in alphabetical order, without importing them."""
    folder = importlib.import_module(PACKAGE).__path__
    return sorted(info.name for info in pkgutil.iter_modules(folder))


def load_preprocessing(name: str) -> Preprocessing:
    """Load a preprocessing by name; ValueError where there is none of that name."""
    if name not in preprocessing_names():
        expected = ", ".join(preprocessing_names())
        raise ValueError(f"expected preprocessing to be one of {expected}, got {name!r}")
    found = importlib.import_module(f"{PACKAGE}.{name}")
    return Preprocessing(found.DISTANCE, lambda images: found.prepared(in_levels(images)))


def in_levels(images: Tensor) -> Tensor:
    """Round images (n, 1 or 3, H, W) in [-1, 1] to 8 bits, and repeat gray ones: (n, 3, H, W).

    Published tables are of images that were kept as PNG; what lies beyond is clipped, and what is
    no number has no level: ValueError.
    """
    if images.shape[1] not in (1, 3):
        raise ValueError(f"expected images of 1 or 3 channels, got {images.shape[1]}")
    if bool(images.isnan().any()):
        raise ValueError("expected images, got pixels that are NaN")
    levels = ((images + 1) * (WHITE / 2)).round().clamp(0, WHITE)
    return levels.to(torch.uint8).expand(-1, 3, -1, -1)
