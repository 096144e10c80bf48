"""References that a user gives: folders, arrays and statistics; what is unfit gets one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bench.cases.setting import Setting
from suites.models.image_folder import read_folder
from suites.models.own_images import own_images
from suites.samplers import given_reference, inception, worth
from suites.samplers.ddim import ddim
from suites.samplers.frechet import frechet_distance
from suites.samplers.problem import Sampling
from suites.samplers.statistics_file import are_statistics, read_statistics
from tests.suites.on_cpu import CPU, MARKS

pytestmark = MARKS
SETTING = Setting(torch.float32, CPU)
DIM = 128  # in place of 2048: as right, and a thousand times as fast


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOUCHSTONE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def levels(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def write_images(folder: Path, images: np.ndarray, suffix: str = ".png") -> Path:
    folder.mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{number:03}{suffix}")
    return folder


def test_a_folder_holds_what_was_drawn(tmp_path: Path) -> None:
    gray, colour = levels(9, 6, 6), levels(9, 6, 6, 3)
    assert (read_folder(write_images(tmp_path / "gray", gray))[:, 0] == gray).all()
    mixed = write_images(tmp_path / "mixed", colour)
    Image.fromarray(gray[0]).save(mixed / "000.png")
    (mixed / ".DS_Store").write_text("")
    found = read_folder(mixed)
    assert found.shape == (9, 3, 6, 6)
    assert (found[1:] == colour[1:].transpose(0, 3, 1, 2)).all()
    assert (found[0] == gray[0]).all()
    jpeg = write_images(tmp_path / "jpeg", np.repeat(levels(9, 1, 1), 64, 1).repeat(64, 2), ".JPG")
    assert own_images(str(jpeg)).shape == (9, 1, 64, 64)


def break_folder(what: str, folder: Path) -> None:
    if what == "truncated":
        whole = (folder / "003.png").read_bytes()
        (folder / "003.png").write_bytes(whole[: len(whole) // 2])
    elif what == "sizes":
        Image.fromarray(levels(6, 8)).save(folder / "003.png")
    elif what == "alpha":
        Image.fromarray(levels(6, 6, 4)).save(folder / "003.png")
    elif what == "text":
        (folder / "labels.txt").write_text("7")
    else:
        (folder / "inner").mkdir()


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("truncated", r"003.png: expected a whole PNG or JPEG .* cannot read; make it anew"),
        ("sizes", "003.png: expected images of one size, 6 x 6 as '000.png' is, got 6 x 8; crop"),
        ("alpha", "003.png: expected an image of 8 bits in gray or RGB, got mode RGBA; convert"),
        ("text", r"expected .png, .jpg, .jpeg files alone, got 'labels.txt', another file; move"),
        ("inner", "files alone, got 'inner', a folder; move it elsewhere"),
    ],
)
def test_a_broken_folder_gets_one_line(tmp_path: Path, what: str, words: str) -> None:
    folder = write_images(tmp_path / "images", levels(9, 6, 6))
    break_folder(what, folder)
    with pytest.raises(ValueError, match=words) as refused:
        own_images(str(folder))
    assert "\n" not in str(refused.value)


@pytest.fixture(autouse=True)
def few_features(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(given_reference, "NUM_FEATURES", DIM)


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Put a random projection in Inception's place."""
    generator = torch.Generator().manual_seed(0)
    projection = torch.randn(64, DIM, generator=generator)
    monkeypatch.setattr(inception, "load_network", lambda path: None)
    monkeypatch.setattr(
        inception, "load_inception", lambda *_: lambda x: (x.flatten(1) @ projection).relu()
    )
    (tmp_path / "weights.pth").write_text("")
    return str(tmp_path / "weights.pth")


def asked(inception: str | None = None, **values: object) -> Sampling:
    return Sampling(nfe=5, batch=4, num_images=4, inception=inception, **values)  # type: ignore[arg-type]


def measured(problem: Sampling) -> dict[str, list[float]]:
    sampler = ddim.build(problem, SETTING, {})
    return {m.quantity: m.samples for m in worth.worth(problem, sampler, 0)}


def test_images_are_compared_with_the_given_ones(tmp_path: Path, monkeypatch) -> None:
    """Of an array and of a folder with the same images; made once, and none of the ground's."""
    images = levels(20, 8, 8)
    np.save(tmp_path / "images.npy", images)
    folder = write_images(tmp_path / "images", images)
    from_array = asked(ground="posterior", data=str(tmp_path / "images.npy"))
    kept = ddim.build(from_array, SETTING, {})
    noise = worth.noise_of(from_array, kept, 0, 4)
    pixels = torch.from_numpy(images).flatten(1).double() / 127.5 - 1
    expected = frechet_distance(kept(noise).double().flatten(1), pixels)
    for path in (tmp_path / "images.npy", folder):
        problem = asked(ground="posterior", data=from_array.data, reference=str(path))
        problem.expect_files()
        worth.provision(problem, lambda *_: None)
        with monkeypatch.context() as patched:
            patched.setattr(given_reference, "own_pixels", None)  # what is kept is not read again
            found = measured(problem)
        assert found["fd_coordinates"][0] == pytest.approx(expected, rel=1e-5)
        assert found["fd_n"] == [4]
        assert found["fd_floor"][0] > 0
        assert {"fd_infinity", "kid", "kid_floor", "precision"} <= found.keys()


def test_what_is_kept_is_of_the_images_that_are_there(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "images", levels(20, 8, 8))
    problem = asked(ground="posterior", data=str(folder), reference=str(folder))
    first = given_reference.reference_side(str(folder), problem.features(), None)
    Image.fromarray(levels(8, 8)).save(folder / "0.png")
    again = given_reference.reference_side(str(folder), problem.features(), None)
    assert isinstance(first, torch.Tensor)
    assert isinstance(again, torch.Tensor)
    assert len(again) == len(first) + 1


def write_statistics(path: Path, mu: np.ndarray, sigma: np.ndarray, **more: np.ndarray) -> str:
    np.savez(path, mu=mu, sigma=sigma, **more)
    return str(path)


def gaussian(count: int = 50) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the covariance of features as pytorch-fid computes them."""
    features = np.random.default_rng(1).normal(size=(count, DIM)).astype(np.float32)
    return features.mean(0), np.cov(features, rowvar=False)


def test_statistics_stand_for_the_images_they_are_of(tmp_path: Path, weights: str) -> None:
    images = levels(8, 8, 8)
    np.save(tmp_path / "images.npy", images)
    whole = asked(weights, ground="posterior", reference=str(tmp_path / "images.npy"))
    features = given_reference.reference_side(str(whole.reference), whole.features(), weights)
    assert isinstance(features, torch.Tensor)
    seen = features.double().numpy()
    path = write_statistics(tmp_path / "s.npz", seen.mean(0), np.cov(seen, rowvar=False))
    problem = asked(weights, ground="posterior", reference=path)
    problem.expect_files()
    of_images, of_statistics = measured(whole), measured(problem)
    assert of_statistics["fid"][0] == pytest.approx(of_images["fid"][0], rel=1e-6)
    assert {"fd_floor", "kid", "fd_infinity"} <= of_images.keys()
    assert "fd_infinity" in of_statistics
    assert "fd_floor" not in of_statistics


def test_statistics_of_adm_and_in_float32_are_read(tmp_path: Path) -> None:
    mu, sigma = gaussian()
    more = {"mu_s": mu[:23], "sigma_s": sigma[:23, :23], "arr_0": levels(2, 8, 8, 3)}
    path = write_statistics(tmp_path / "adm.npz", mu, sigma.astype(np.float32), **more)
    found = read_statistics(path, DIM)
    np.testing.assert_allclose(found.covariance.numpy(), sigma, rtol=1e-6, atol=1e-9)
    assert found.mean.dtype == found.covariance.dtype == torch.float64
    np.savez(tmp_path / "images.npz", images=levels(9, 6, 6))
    assert not are_statistics(str(tmp_path / "images.npz"))


def not_finite(mu: np.ndarray, sigma: np.ndarray) -> dict[str, np.ndarray]:
    sigma[3, 4] = np.nan
    return {"mu": mu, "sigma": sigma}


def lopsided(mu: np.ndarray, sigma: np.ndarray) -> dict[str, np.ndarray]:
    sigma[3, 4] += 1
    return {"mu": mu, "sigma": sigma}


def negative(mu: np.ndarray, sigma: np.ndarray) -> dict[str, np.ndarray]:
    return {"mu": mu, "sigma": sigma - 0.5 * np.eye(len(sigma))}


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (not_finite, r"expected finite sigma, got nan in 1 of 16384 values; make"),
        (lopsided, r"expected a symmetric sigma, got entries that differ by 1 .*; make"),
        (negative, r"expected a covariance as sigma, got eigenvalues from -0.5 to"),
        (lambda mu, sigma: {"mu": mu}, "expected statistics mu and sigma, got none called sigma"),
        (lambda mu, sigma: {"mu": mu[:64], "sigma": sigma}, r"mu of shape \(128,\), got \(64,\)"),
        (
            lambda mu, sigma: {"mu": mu, "sigma": sigma[:64, :64]},
            r"expected sigma of shape \(128, 128\), got \(64, 64\)",
        ),
        (lambda mu, sigma: {"mu": mu > 0, "sigma": sigma}, "mu in floating point, got bool"),
    ],
)
def test_statistics_that_are_none_get_one_line(
    tmp_path: Path, spoil: Callable[..., dict[str, np.ndarray]], words: str
) -> None:
    np.savez(tmp_path / "s.npz", **spoil(*gaussian()))
    with pytest.raises(ValueError, match=words) as refused:
        given_reference.expect_reference(str(tmp_path / "s.npz"), (1, 8, 8), "weights.pth")
    assert "\n" not in str(refused.value)


def test_a_reference_fits_the_ground_and_the_features(tmp_path: Path) -> None:
    mu, sigma = np.zeros(DIM), np.eye(DIM)
    statistics = write_statistics(tmp_path / "s.npz", mu, sigma)
    folder = str(write_images(tmp_path / "images", levels(9, 6, 6)))
    for values, words in (
        ({"reference": statistics}, "expected Inception-v3 weights as --inception beside"),
        ({"reference": folder}, r"expected images of shape \(1, 8, 8\), .* got \(1, 6, 6\); crop"),
        ({"reference": folder, "ground": "mixture2"}, r"expected images of shape \(2,\)"),
    ):
        with pytest.raises(ValueError, match=words):
            asked(**values).expect_files()
    with pytest.raises(ValueError, match="expected a ground of images beside statistics"):
        given_reference.expect_reference(statistics, (2,), "weights.pth")
    with pytest.raises(ValueError, match="preprocessing=clean_fid: expected Inception-v3 weights"):
        asked(preprocessing="clean_fid")
