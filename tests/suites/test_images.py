"""Problems and a user's images: what is read, and what is refused in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from suites.models.digits import load_images
from suites.samplers.features import features_for
from suites.samplers.grids import grid_named
from suites.samplers.ground import ground_names, load_ground
from suites.samplers.problem import Sampling
from tests.suites.on_cpu import MARKS

pytestmark = MARKS


def test_problems_refuse_what_they_cannot_ask(tmp_path: Path) -> None:
    assert {"mixture2", "mixture64", "posterior", "mlp", "unet"} <= set(ground_names())
    for values, words in (
        ({"ground": "nowhere"}, "expected ground to be one of digits_mixture, .*, mixture2"),
        ({"nfe": 0}, "expected nfe of at least 1, got 0"),
        ({"data": str(tmp_path / "none.npy")}, "data: expected the path of a file"),
        ({"inception": "none.pth"}, "inception: expected the path of a file"),
    ):
        with pytest.raises(ValueError, match=words):
            Sampling(**values)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="takes no data"):
        load_ground("mixture2", "x.npy")
    np.save(tmp_path / "odd.npy", drawn(9, 3, 7, 7))
    with pytest.raises(ValueError, match="expected images of even sides"):
        Sampling(ground="unet", data=str(tmp_path / "odd.npy")).expect_files()
    with pytest.raises(ValueError, match="expected grid to be one of"):
        grid_named("square")


def test_a_users_images_are_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    gray = rng.integers(0, 256, (12, 6, 6), dtype=np.uint8)
    np.save(tmp_path / "gray.npy", gray)
    found = load_images(str(tmp_path / "gray.npy"))
    assert found.pixels.shape == (12, 1, 6, 6)
    assert found.labels is None
    assert float(found.pixels.max()) <= 1.0
    np.savez(tmp_path / "colour.npz", images=rng.uniform(-1, 1, (9, 3, 8, 8)), names=np.arange(9))
    problem = Sampling(ground="posterior", data=str(tmp_path / "colour.npz"))
    assert problem.loaded.shape == (3, 8, 8)
    assert features_for((3, 8, 8), False, None).distance == "fd_coordinates"


def drawn(*shape: int, low: float = -1, high: float = 1) -> np.ndarray:
    return np.random.default_rng(0).uniform(low, high, shape)


def with_one(value: float) -> np.ndarray:
    array = drawn(9, 6, 6)
    array[3, 2, 1] = value
    return array


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((3, 4)), r"expected an .npy or .npz file of images .* got shape \(3, 4\)"),
        (np.zeros((0, 4, 4)), r"expected an .npy or .npz file .* got shape \(0, 4, 4\)"),
        (np.full((2, 4, 4), 3.0), r"expected pixels in \[-1, 1\], got 3 to 3"),
        (np.full((2, 4, 4), np.nan), r"expected pixels in \[-1, 1\], got nan"),
        (with_one(np.nan), r"expected pixels in \[-1, 1\], got nan in 1 of 324 values"),
        (with_one(-np.inf), r"expected pixels in \[-1, 1\], got -inf in 1 of 324 values"),
        (np.zeros((2, 4, 4), dtype=int), "expected uint8 or floating point pixels, got int64"),
        (drawn(9, 6, 6) > 0, "expected uint8 or floating point pixels, got bool"),
        (drawn(9, 6, 6) * 1j, "expected uint8 or floating point pixels, got complex128"),
        (drawn(9, 1, 6, 6, low=0), r"got 0.0\d+ to 0.9\d+, .* 100% of the images; .* 2 x - 1"),
        (np.concatenate([drawn(9, 6, 6, low=0), drawn(30, 6, 6)]), "none below 0 in 23% of the"),
        (drawn(9, 6, 6) / 2, r"expected pixels in \[-1, 1\], got -0.4\d+ to 0.4\d+"),
        ((drawn(9, 6, 6) > 0).astype(np.uint8), "expected bytes from 0 .* got 0 to 1; stretch"),
        (drawn(9, 6, 6, low=0, high=17).astype(np.uint8), "expected bytes .* got 0 to 16"),
        (drawn(9, 6, 6, 3), r"got shape \(9, 6, 6, 3\), whose channels seem to be last"),
        (drawn(9, 6, 6, 1), r"transpose\(0, 3, 1, 2\)"),
        (drawn(9, 3, 3, 3), r"whose channels seem to be last"),
        (drawn(9, 3, 6, 8), r"expected square images, got shape \(9, 3, 6, 8\)"),
        (drawn(32, 32, 3), r"expected square images, got shape \(32, 32, 3\)"),
        (drawn(9, 7, 6, 6), r"expected 1 to 4 channels, got shape \(9, 7, 6, 6\)"),
        (drawn(3, 32, 32), r"expected at least 8 images, got 3"),
        (np.repeat(drawn(1, 6, 6), 9, 0), "expected images that differ, got one 9 times"),
    ],
)
def test_images_that_are_none_get_one_line(tmp_path: Path, array: np.ndarray, words: str) -> None:
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(ValueError, match=words) as caught:
        load_images(str(tmp_path / "x.npy"))
    assert "\n" not in str(caught.value)


def test_files_that_hold_no_array_get_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_text("no array")
    np.save(tmp_path / "objects.npy", np.array([{}, []], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "objects.npz", images=np.array([None]))
    np.save(tmp_path / "cut.npy", drawn(9, 6, 6))
    np.savez_compressed(tmp_path / "cut.npz", images=drawn(9, 6, 6))
    for name in ("cut.npy", "cut.npz"):
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.npy").write_bytes(b"")
    np.savez(tmp_path / "two.npz", a=np.zeros(3), b=np.zeros(3))
    for name, words in (
        *((n, "a file numpy cannot read") for n in ("x.npy", "objects.npy", "objects.npz")),
        *((n, "a file numpy cannot read") for n in ("cut.npy", "cut.npz", "empty.npy")),
        ("two.npz", "expected one array, or one named 'images'"),
        ("none.npy", "no such file"),
    ):
        with pytest.raises(ValueError, match=words) as refused:
            load_images(str(tmp_path / name))
        assert "\n" not in str(refused.value)
