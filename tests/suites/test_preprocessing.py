"""What images go through before Inception: each of three ways against its definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from PIL import Image

from suites.samplers.charts import DISTANCES
from suites.samplers.preprocessing import (
    in_levels,
    load_preprocessing,
    preprocessing_names,
)
from tests.suites.on_cpu import MARKS

pytestmark = MARKS
SIDES = (8, 32, 299, 331)


def drawn(side: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(side)
    return torch.randint(0, 256, (1, 3, side, side), generator=generator, dtype=torch.uint8)


def in_range(levels: torch.Tensor) -> torch.Tensor:
    return levels.double() / 127.5 - 1


def by_tensorflow(channel: np.ndarray) -> np.ndarray:
    """Write TensorFlow 1's ResizeBilinear out, a pixel at a time."""
    height, width = channel.shape
    result = np.empty((299, 299))
    for i in range(299):
        y = i * height / 299
        top, bottom = math.floor(y), min(math.floor(y) + 1, height - 1)
        for j in range(299):
            x = j * width / 299
            left, right = math.floor(x), min(math.floor(x) + 1, width - 1)
            down, across = y - top, x - left
            result[i, j] = (
                channel[top, left] * (1 - down) * (1 - across)
                + channel[top, right] * (1 - down) * across
                + channel[bottom, left] * down * (1 - across)
                + channel[bottom, right] * down * across
            )
    return result


def by_half_pixels(channel: np.ndarray) -> np.ndarray:
    """Interpolate between the centres of pixels, by NumPy's own interpolation."""

    def along(rows: np.ndarray) -> np.ndarray:
        size = rows.shape[1]
        centres = (np.arange(299) + 0.5) * size / 299 - 0.5
        return np.stack([np.interp(centres, np.arange(size), row) for row in rows])

    return along(along(channel).T).T


def by_pillow(channel: np.ndarray) -> np.ndarray:
    image = Image.fromarray(channel.astype(np.float32))
    return np.asarray(image.resize((299, 299), Image.Resampling.BICUBIC)).clip(0, 255)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("name", "resized", "low", "high"),
    [
        ("tensorflow", by_tensorflow, -1, 127 / 128),
        ("pytorch_fid", by_half_pixels, -1, 1),
        ("clean_fid", by_pillow, -1, 127 / 128),
    ],
)
def test_a_preprocessing_is_its_definition(
    name, resized, low: float, high: float, side: int
) -> None:
    levels = drawn(side)
    found = load_preprocessing(name).prepare(in_range(levels))
    assert found.shape == (1, 3, 299, 299)
    assert found.dtype == torch.float32
    expected = low + resized(levels[0, 1].double().numpy()) / 255 * (high - low)
    np.testing.assert_allclose(
        found[0, 1].numpy(), expected, rtol=0, atol=1e-5 * max(side, 30) / 30
    )


def test_the_three_give_different_inputs() -> None:
    images = in_range(drawn(32))
    tensorflow, pytorch, clean = (
        load_preprocessing(name).prepare(images)
        for name in ("tensorflow", "pytorch_fid", "clean_fid")
    )
    for one, other in ((tensorflow, pytorch), (tensorflow, clean), (pytorch, clean)):
        assert float((one - other).abs().mean()) > 0.01


def test_images_are_rounded_to_8_bits() -> None:
    levels = torch.arange(256).reshape(1, 1, 16, 16)
    bytes_ = levels.to(torch.uint8).expand(-1, 3, -1, -1)
    for images in (in_range(levels), in_range(levels).float(), in_range(levels) + 0.49 / 127.5):
        assert torch.equal(in_levels(images), bytes_)  # gray is repeated over the channels
    beyond = torch.tensor([-1.2, 1.2, -math.inf, math.inf]).reshape(1, 1, 2, 2)
    assert in_levels(beyond)[0, 0].flatten().tolist() == [0, 255, 0, 255]
    with pytest.raises(ValueError, match="expected images of 1 or 3 channels, got 2"):
        in_levels(torch.zeros(1, 2, 8, 8))
    with pytest.raises(ValueError, match="pixels that are NaN"):
        in_levels(torch.full((1, 3, 2, 2), math.nan))


def test_every_preprocessing_has_a_distance_that_is_drawn() -> None:
    found = {name: load_preprocessing(name).distance for name in preprocessing_names()}
    assert found["tensorflow"] == "fid"
    assert len(set(found.values())) == len(found) >= 3
    assert set(found.values()) <= set(DISTANCES)
    with pytest.raises(ValueError, match="expected preprocessing to be one of clean_fid, pytorch"):
        load_preprocessing("square")
