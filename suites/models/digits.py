"""Images without downloads: scikit-learn's 1797 digits of 8 x 8 pixels, or a user's own array."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from suites.models.own_images import own_images

LEVELS = 16.0  # the digits' pixels count 0 ... 16


class Images(NamedTuple):
    """Pixels (n, C, H, W), float32 in [-1, 1], and class labels (n,) where there are any."""

    pixels: Tensor
    labels: Tensor | None


def load_images(data: str | None = None) -> Images:
    """Load the digits, or the array at the path `data`; ValueError where it is unfit."""
    return digits() if data is None else Images(torch.from_numpy(own_images(data)), None)


def digits() -> Images:
    """Load the digits (Alpaydin and Kaynak 1998) in the order scikit-learn ships them."""
    table = torch.from_numpy(_digits_table())
    pixels = table[:, :-1].unflatten(1, (1, 8, 8)).float() / (LEVELS / 2) - 1
    return Images(pixels, table[:, -1].long())


@cache
def _digits_table() -> np.ndarray:
    """Read the rows (n, 64 pixels and a label) of scikit-learn's own file.

    Importing scikit-learn for them takes a second, in every server. What is kept is no tensor: one
    that stayed alive would count into the peak of every step.
    """
    spec = find_spec("sklearn")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("No module named 'sklearn'", name="sklearn")
    return np.loadtxt(Path(spec.origin).parent / "datasets/data/digits.csv.gz", delimiter=",")
