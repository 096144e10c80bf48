"""What samples are compared with where the user gives it: images, or statistics of features.

Features of many images are dear: they are made once, before anything is measured, and kept.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from suites.models.image_folder import image_files
from suites.models.own_images import own_pixels, scaled
from suites.models.stored import content_key, stored
from suites.samplers.features import Features
from suites.samplers.inception import NUM_FEATURES
from suites.samplers.moments import Moments
from suites.samplers.statistics_file import are_statistics, read_statistics

AT_ONCE = 256  # images made floating point and handed to the features together
Progress = Callable[[str, float], None]


def expect_reference(path: str, shape: tuple[int, ...], inception: str | None) -> None:
    """Read it; ValueError with one line where it is nothing that images of this shape go with."""
    if are_statistics(path):
        if inception is None:
            raise ValueError(
                f"{path}: expected Inception-v3 weights as --inception beside statistics of its "
                "features, got none; give them, or a folder of images"
            )
        if len(shape) != 3:
            raise ValueError(f"{path}: expected a ground of images beside statistics, got {shape}")
        read_statistics(path, NUM_FEATURES)
        return
    found = tuple(own_pixels(path).shape[1:])
    if found != shape:
        raise ValueError(
            f"{path}: expected images of shape {shape}, as the ground draws them, got {found}; "
            "crop or resize them"
        )


def reference_side(
    path: str, features: Features, inception: str | None, progress: Progress = lambda *_: None
) -> Tensor | Moments:
    """Return the images' features (n, d), float32, or their statistics where those are given."""
    if are_statistics(path):
        return read_statistics(path, NUM_FEATURES)
    weights = None if inception is None else _identity(inception)
    key = content_key(sys.modules[__name__], features.distance, _identity(path), weights)
    name = f"samplers-reference-{features.distance}"
    kept: Tensor = stored(name, key, lambda: _extracted(path, features, progress))
    return kept


def _extracted(path: str, features: Features, progress: Progress) -> Tensor:
    return torch.cat(list(_by_parts(path, features, progress))).float()


def _by_parts(path: str, features: Features, progress: Progress) -> Iterator[Tensor]:
    pixels = own_pixels(path)
    for first in range(0, len(pixels), AT_ONCE):
        progress(f"features of {path}", first / len(pixels))
        yield features.extract(torch.from_numpy(scaled(pixels[first : first + AT_ONCE])))


def _identity(path: str) -> list[tuple[str, int, int]]:
    """Tell a file, or a folder of them, by names, sizes and times: they may be gigabytes."""
    given = Path(os.path.realpath(os.path.expanduser(path)))
    files = image_files(given) if given.is_dir() else [given]
    found = [(str(file), file.stat()) for file in files]
    return [(name, state.st_size, state.st_mtime_ns) for name, state in found]
