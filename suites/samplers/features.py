"""What a Fréchet distance is taken of; a distance is named after its features.

Only Inception-v3's pool features, from weights the user has, give what may be called FID; which,
the preprocessing decides, and the distance's name says.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import NamedTuple

import torch
from torch import Tensor

from suites.models import digits_cnn
from suites.samplers.preprocessing import PAPERS, load_preprocessing

BATCH = 64  # images a call of a feature network; its results are float32


class Features(NamedTuple):
    """The name of the distance, and the map from images in [-1, 1] to features (n, d).

    `sources` are the modules whose text features depend on; where a user's files decide there are
    none, and nothing made of features is kept.
    """

    distance: str
    extract: Callable[[Tensor], Tensor]
    sources: tuple[ModuleType, ...] = ()


def coordinates() -> Features:
    """Return images as they are: a distance between pixels."""
    return Features("fd_coordinates", lambda x: x.flatten(1), (sys.modules[__name__],))


def features_for(
    shape: tuple[int, ...], digits: bool, inception: str | None, preprocessing: str | None = None
) -> Features:
    """Choose: Inception for images where there are weights, the digits' classifier, else pixels."""
    if inception is not None and len(shape) == 3:
        from suites.samplers.inception import load_inception

        chosen = preprocessing or PAPERS
        extract = in_batches(load_inception(inception, chosen))
        return Features(load_preprocessing(chosen).distance, extract)
    if digits and shape == (1, 8, 8):
        return Features(
            "fd_digits_cnn", in_batches(digits_cnn.digits_cnn().features), (digits_cnn,)
        )
    return coordinates()


def in_batches(network: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Apply a float32 network on the CPU, a fixed number of images at a time."""

    def extract(images: Tensor) -> Tensor:
        with torch.no_grad():
            return torch.cat([network(part) for part in images.float().cpu().split(BATCH)])

    return extract
