"""Our FID is the libraries': the same weights in their own networks, every feature compared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from suites.samplers.features import features_for
from suites.samplers.frechet import frechet_distance
from tests.suites import fid_libraries
from tests.suites.drawn_inception import write_inception
from tests.suites.on_cpu import MARKS

# the libraries are older than what warns of them
pytestmark = [
    *MARKS,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:torchvision"),
]
CLOSE = 1e-5
Library = Callable[[torch.Tensor, Path], torch.Tensor]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    fid_libraries.expect_installed()
    return write_inception(tmp_path_factory.mktemp("inception") / "weights.pth")


def levels(side: int, count: int, seed: int) -> torch.Tensor:
    """Draw images of edges and gradients: noise alone would hide where a resize reads."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 5, 5, generator=generator)
    large = torch.nn.functional.interpolate(coarse, (side, side), mode="nearest")
    fine = torch.rand(count, 3, side, side, generator=generator)
    return (255 * (0.7 * large + 0.3 * fine)).round().to(torch.uint8)


def by_grams(features: np.ndarray, others: np.ndarray) -> float:
    """Compute the distance of few images: the root's trace from products of images alone."""
    ours, theirs = ((f - f.mean(0)) / np.sqrt(len(f) - 1) for f in (features, others))
    gap = features.mean(0) - others.mean(0)
    cross = np.linalg.svd(ours @ theirs.T, compute_uv=False).sum()
    return float(gap @ gap + (ours**2).sum() + (theirs**2).sum() - 2 * cross)


@pytest.mark.parametrize(
    ("preprocessing", "library"),
    [
        ("tensorflow", fid_libraries.torch_fidelity),
        ("pytorch_fid", fid_libraries.pytorch_fid),
        ("clean_fid", fid_libraries.clean_fid),
    ],
)
@pytest.mark.parametrize("side", [32, 331])
def test_features_and_distance_are_the_librarys(
    preprocessing: str, library: Library, side: int, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fid_libraries.entered(monkeypatch)
    extract = features_for((3, side, side), False, str(weights), preprocessing).extract
    found, expected = [], []
    for seed in (1, 2):
        drawn = levels(side, 4, seed)
        found.append(extract(drawn.double() / 127.5 - 1))
        expected.append(library(drawn, weights))
        torch.testing.assert_close(found[-1], expected[-1], rtol=CLOSE, atol=0)
        assert float(found[-1].std(0).mean()) > 0.01 * float(found[-1].mean())
    theirs = by_grams(*(features.double().numpy() for features in expected))
    assert frechet_distance(*found) == pytest.approx(theirs, rel=CLOSE)
