"""A folder of PNG and JPEG images, read whole; whatever else lies in it is refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

SUFFIXES = (".png", ".jpg", ".jpeg")
MODES = {"L": 1, "RGB": 3}  # channels, by Pillow's name; others mean more than one thing


def image_files(folder: Path) -> list[Path]:
    """Return the images of a folder by name; ValueError where there are none, or other things."""
    try:
        found = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise ValueError(f"{folder}: expected a folder that can be read") from error
    for path in found:
        if path.suffix.lower() not in SUFFIXES or not path.is_file():
            what = "a folder" if path.is_dir() else "another file"
            raise ValueError(
                f"{folder}: expected {', '.join(SUFFIXES)} files alone, got {path.name!r}, {what}; "
                "move it elsewhere"
            )
    if not found:
        raise ValueError(f"{folder}: expected {', '.join(SUFFIXES)} files, got an empty folder")
    return found


def read_folder(folder: Path) -> np.ndarray:
    """Return levels (n, C, H, W), uint8, by name; gray ones have 3 channels where others do."""
    files = image_files(folder)
    first = _levels(files[0])
    found = np.empty((len(files), 3, *first.shape[1:]), dtype=np.uint8)
    colour = False
    for number, levels in enumerate(_of_one_size(files, first)):
        colour = colour or len(levels) == 3
        found[number] = levels
    return found if colour else found[:, :1]


def _of_one_size(files: list[Path], first: np.ndarray) -> Iterator[np.ndarray]:
    for path in files:
        levels = _levels(path)
        if levels.shape[1:] != first.shape[1:]:
            sizes = [" x ".join(map(str, shape[1:])) for shape in (first.shape, levels.shape)]
            raise ValueError(
                f"{path}: expected images of one size, {sizes[0]} as {files[0].name!r} is, got "
                f"{sizes[1]}; crop or resize them"
            )
        yield levels


def _levels(path: Path) -> np.ndarray:
    """Return one image (1 or 3, H, W); ValueError where it cannot be read whole."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            image.load()
            mode, levels = image.mode, np.asarray(image)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(
            f"{path}: expected a whole PNG or JPEG image, got one that Pillow cannot read; "
            "make it anew or take it out"
        ) from error
    if mode not in MODES:
        raise ValueError(
            f"{path}: expected an image of 8 bits in gray or RGB, got mode {mode}; convert it"
        )
    return levels[None] if levels.ndim == 2 else levels.transpose(2, 0, 1)
