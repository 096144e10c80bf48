"""Distances between features besides Fréchet's: known answers, and torchmetrics as an oracle."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from suites.samplers.extrapolation import at_infinity
from suites.samplers.frechet import frechet_distance
from suites.samplers.kernel_distance import kernel_distance
from suites.samplers.moments import Moments
from suites.samplers.precision_recall import precision_recall
from tests.suites.on_cpu import MARKS

pytestmark = MARKS


def drawn(count: int, dim: int, seed: int) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(count, dim, generator=rng, dtype=torch.float64)


class Flat(nn.Module):
    """Images that are their own features; torchmetrics probes with 3 x 299 x 299 bytes."""

    num_features = 12

    def forward(self, images: Tensor) -> Tensor:
        return images.double().flatten(1)[:, : self.num_features]


@pytest.mark.filterwarnings("ignore")
def test_both_distances_are_torchmetrics() -> None:
    from torchmetrics.image.fid import FrechetInceptionDistance
    from torchmetrics.image.kid import KernelInceptionDistance

    real, fake = drawn(80, 12, 0), 1.2 * drawn(80, 12, 1) + 0.3
    kernel = KernelInceptionDistance(Flat(), subsets=1, subset_size=80)
    frechet = FrechetInceptionDistance(Flat(), input_img_size=(1, 1, 12)).set_dtype(torch.float64)
    for metric in (kernel, frechet):
        metric.update(real.reshape(-1, 1, 1, 12), real=True)
        metric.update(fake.reshape(-1, 1, 1, 12), real=False)
    whole = kernel_distance(fake, real, seed=0, num_subsets=1, size=80)
    assert whole == pytest.approx(float(kernel.compute()[0]), rel=1e-5)
    assert frechet_distance(fake, real) == pytest.approx(float(frechet.compute()), rel=1e-6)


def test_the_kernel_distance_is_unbiased_and_repeatable() -> None:
    same = [kernel_distance(drawn(100, 4, 2 * s), drawn(100, 4, 2 * s + 1), s) for s in range(30)]
    values = torch.tensor(same)
    assert abs(float(values.mean())) < 3 * float(values.std()) / 30**0.5
    assert min(same) < 0 < max(same)
    one, other = drawn(400, 4, 0), drawn(400, 4, 1) + 1
    assert kernel_distance(one, other, 5) == kernel_distance(one, other, 5)
    assert kernel_distance(one, other, 5) != kernel_distance(one, other, 6)
    assert kernel_distance(one, other, 5) > 10 * max(same)


def test_precision_and_recall_of_points_on_a_line() -> None:
    """True points at 0 ... 9 reach 3 (the ends) or 2 far: balls cover [-3, 12]."""
    real = torch.arange(10.0)[:, None]
    near, far = torch.linspace(0.1, 8.9, 8)[:, None], torch.linspace(50, 60, 8)[:, None]
    assert precision_recall(real, real) == (1, 1)
    assert precision_recall(far, real) == (0, 0)
    half = precision_recall(torch.cat([near, far]), real)
    assert half == (0.5, 1)
    dropped = precision_recall(torch.linspace(0, 1, 20)[:, None], real)
    assert dropped.precision == 1
    assert dropped.recall == 0.2  # only 0 and 1 themselves are within a ball of 0.16
    with pytest.raises(ValueError, match="more than 3"):
        precision_recall(real[:3], real)


def test_precision_and_recall_by_their_definition() -> None:
    """Count ball by ball, as the paper's equations say."""
    features, real = 0.8 * drawn(40, 3, 0), drawn(50, 3, 1)

    def covered(points: Tensor, centres: Tensor) -> float:
        def within(point: Tensor) -> bool:
            for centre in centres:
                radius = (centres - centre).norm(dim=1).sort().values[3]
                if (point - centre).norm() <= radius:
                    return True
            return False

        return sum(map(within, points)) / len(points)

    found = precision_recall(features, real)
    assert found == (covered(features, real), covered(real, features))


def test_the_distance_at_infinity_has_lost_its_bias() -> None:
    """Samples of the very law: the distance is 0, and what is measured at n is bias."""
    exact = Moments(torch.zeros(20, dtype=torch.float64), torch.eye(20, dtype=torch.float64))
    seeds = range(12)
    at_n = torch.tensor([frechet_distance(drawn(400, 20, s), exact) for s in seeds])
    beyond = torch.tensor([at_infinity(drawn(400, 20, s), exact, s) for s in seeds])
    assert float(at_n.mean()) > 0.2
    assert abs(float(beyond.mean())) < 0.1 * float(at_n.mean())
    shifted = [at_infinity(drawn(400, 20, s) + 1, exact, s) for s in seeds]
    assert sum(shifted) / 12 == pytest.approx(20.0, rel=0.02)
    assert at_infinity(drawn(99, 3, 0), drawn(99, 3, 1), 4) == at_infinity(
        drawn(99, 3, 0), drawn(99, 3, 1), 4
    )
