"""Images without downloads: scikit-learn's 1797 digits of 8 x 8 pixels, or a user's own array."""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

LEVELS = 16.0  # the digits' pixels count 0 ... 16
EXPECTED = "expected an .npy or .npz file of images (n, C, H, W) or (n, H, W)"


class Images(NamedTuple):
    """Pixels (n, C, H, W), float32 in [-1, 1], and class labels (n,) where there are any."""

    pixels: Tensor
    labels: Tensor | None


def load_images(data: str | None = None) -> Images:
    """Load the digits, or the array at the path `data`; ValueError where it is unfit."""
    return digits() if data is None else Images(_own(data), None)


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


def _own(data: str) -> Tensor:
    array = _read(data)
    if array.ndim == 3:
        array = array[:, None]
    if array.ndim != 4 or 0 in array.shape:
        raise ValueError(f"{data}: {EXPECTED}, got shape {array.shape}")
    return torch.from_numpy(_scaled(array, data))


def _read(data: str) -> np.ndarray:
    path = Path(os.path.expanduser(data))
    if not path.is_file():
        raise ValueError(f"{data}: {EXPECTED}, got no such file")
    try:
        found = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise ValueError(f"{data}: {EXPECTED}, got a file numpy cannot read") from error
    if isinstance(found, np.ndarray):
        return found
    name = "images" if "images" in found.files else next(iter(found.files), None)
    if name is None or (name != "images" and len(found.files) > 1):
        raise ValueError(f"{data}: expected one array, or one named 'images', got {found.files}")
    return found[name]


def _scaled(array: np.ndarray, data: str) -> np.ndarray:
    """Map bytes onto [-1, 1]; floats must lie there already."""
    if array.dtype == np.uint8:
        return array.astype(np.float32) / np.float32(127.5) - np.float32(1)
    if array.dtype.kind != "f":
        raise ValueError(f"{data}: expected uint8 or floating point pixels, got {array.dtype}")
    low, high = float(array.min()), float(array.max())
    if not (low >= -1 and high <= 1):  # a NaN compares false, and so is refused
        raise ValueError(f"{data}: expected pixels in [-1, 1], got {low:.4g} to {high:.4g}")
    return array.astype(np.float32)
