"""A user's images, judged when they are given: what could be meant in two ways is refused."""

from __future__ import annotations

import os
import zipfile
import zlib
from pathlib import Path

import numpy as np

from suites.models.image_folder import read_folder

EXPECTED = "expected an .npy or .npz file of images (n, C, H, W) or (n, H, W)"
LEAST = 8  # images: two halves of fewer have no spread to speak of
MOST_CHANNELS = 4
BRIGHT_SHARE = 0.1  # of images without a pixel below 0: more of them are in [0, 1]
HALF = 0.5  # of the range: what stays within is scaled otherwise
# what numpy raises of a file that is damaged, in a form it does not know, or beyond memory
UNREADABLE = (
    *(OSError, ValueError, EOFError, KeyError, MemoryError, RuntimeError, SyntaxError),
    *(zipfile.BadZipFile, zlib.error),
)


def own_images(data: str) -> np.ndarray:
    """Return pixels (n, C, H, W), float32 in [-1, 1]; ValueError with one line where unfit."""
    return scaled(own_pixels(data))


def own_pixels(data: str) -> np.ndarray:
    """Return them as they are kept: uint8, or floating point in [-1, 1].

    `data` is the path of an array, or of a folder of PNG and JPEG images.
    """
    path = Path(os.path.expanduser(data))
    array = read_folder(path) if os.path.isdir(path) else _read(data)
    if array.ndim not in (3, 4) or 0 in array.shape:
        raise ValueError(f"{data}: {EXPECTED}, got shape {array.shape}")
    _expect_pixels(array, data)
    _expect_layout(array, data)
    _expect_several(array, data)
    return array if array.ndim == 4 else array[:, None]


def _read(data: str) -> np.ndarray:
    path = Path(os.path.expanduser(data))
    if not os.path.isfile(path):
        raise ValueError(f"{data}: {EXPECTED}, got no such file")
    try:
        with path.open("rb") as stream:
            found = np.load(stream, allow_pickle=False)
            if isinstance(found, np.ndarray):
                return found
            names = found.files
            if "images" in names or len(names) == 1:
                return np.asarray(found["images" if "images" in names else names[0]])
    except UNREADABLE as error:
        raise ValueError(f"{data}: {EXPECTED}, got a file numpy cannot read") from error
    raise ValueError(f"{data}: expected one array, or one named 'images', got {names}")


def _expect_pixels(array: np.ndarray, data: str) -> None:
    """Refuse values that are no pixels, or that are in [0, 1] or another range of their own."""
    if array.dtype != np.uint8 and array.dtype.kind != "f":
        raise ValueError(f"{data}: expected uint8 or floating point pixels, got {array.dtype}")
    low, high = float(array.min()), float(array.max())
    if array.dtype == np.uint8:
        if high <= np.iinfo(np.uint8).max * HALF:
            raise ValueError(
                f"{data}: expected bytes from 0 (black) to 255 (white), got {low:g} to {high:g}; "
                "stretch them, or give floats in [-1, 1]"
            )
        return
    if not (low >= -1 and high <= 1):  # a NaN compares false, and so is refused
        got = f"{low:.4g} to {high:.4g}" if np.isfinite([low, high]).all() else _odd(array)
        raise ValueError(f"{data}: expected pixels in [-1, 1], got {got}")
    bright = float((array.reshape(len(array), -1).min(1) >= 0).mean())
    if bright >= BRIGHT_SHARE or max(-low, high) <= HALF:
        raise ValueError(
            f"{data}: expected pixels in [-1, 1], got {low:.4g} to {high:.4g}, with none below 0 "
            f"in {bright:.0%} of the images; scale them (from [0, 1] by 2 x - 1), or give bytes"
        )


def _odd(array: np.ndarray) -> str:
    odd = array[~np.isfinite(array)]
    return f"{odd.flat[0]} in {odd.size} of {array.size} values"


def _expect_layout(array: np.ndarray, data: str) -> None:
    """Refuse channels that are last, or cannot be told from sides, and images of unequal sides."""
    height, width = array.shape[-2:]
    channels = array.shape[1] if array.ndim == 4 else 1
    if array.ndim == 4 and width <= MOST_CHANNELS and channels == height:
        raise ValueError(
            f"{data}: {EXPECTED}, got shape {array.shape}, whose channels seem to be last; "
            "give array.transpose(0, 3, 1, 2)"
        )
    if height != width:
        raise ValueError(f"{data}: expected square images, got shape {array.shape}")
    if channels > MOST_CHANNELS:
        raise ValueError(f"{data}: expected 1 to {MOST_CHANNELS} channels, got shape {array.shape}")


def _expect_several(array: np.ndarray, data: str) -> None:
    if len(array) < LEAST:
        raise ValueError(
            f"{data}: expected at least {LEAST} images, got {len(array)} (shape {array.shape})"
        )
    if (array == array[:1]).all():
        raise ValueError(f"{data}: expected images that differ, got one {len(array)} times")


def scaled(array: np.ndarray) -> np.ndarray:
    """Map bytes onto [-1, 1]; floats lie there already."""
    if array.dtype == np.uint8:
        return array.astype(np.float32) / np.float32(127.5) - np.float32(1)
    return array.astype(np.float32)
