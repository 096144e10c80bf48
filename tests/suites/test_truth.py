"""What images are compared with, and the floors of true images."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from bench.cases.setting import Setting
from suites.samplers import truth
from suites.samplers.convergence import observed_order
from suites.samplers.distances import distances
from suites.samplers.dpmpp_2m import dpmpp_2m
from suites.samplers.features import Features, coordinates
from suites.samplers.ground import load_ground
from suites.samplers.moments import Moments
from suites.samplers.problem import Sampling
from tests.suites.on_cpu import CPU, MARKS

pytestmark = MARKS

SETTING = Setting(torch.float32, CPU)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOUCHSTONE_CACHE", str(tmp_path / "cache"))


def doubled() -> Features:
    """Return features whose exact moments follow from those of the images."""
    return Features("fd_doubled", lambda x: 2 * x.flatten(1), (sys.modules[__name__],))


def test_coordinates_of_a_mixture_are_compared_with_its_exact_moments() -> None:
    ground = load_ground("mixture2")
    real, _ = ground.halves(50, 0)
    exact = truth.space(ground, coordinates(), real)
    assert isinstance(exact.known, Moments)
    assert torch.equal(exact.known.mean, ground.moments().mean)  # type: ignore[union-attr]
    assert torch.equal(exact.real, real)


def test_features_of_a_mixture_are_compared_with_many_true_images() -> None:
    ground = load_ground("mixture2")
    known = truth.space(ground, doubled(), ground.halves(50, 0)[0]).known
    exact = ground.moments()
    assert isinstance(known, Moments)
    assert exact is not None
    torch.testing.assert_close(known.mean, 2 * exact.mean, rtol=0, atol=0.03)
    torch.testing.assert_close(known.covariance, 4 * exact.covariance, rtol=0, atol=0.1)
    told: list[float] = []
    again = truth.statistics(ground, doubled(), lambda _, share: told.append(share))
    assert torch.equal(again.covariance, known.covariance)
    assert not told  # they were kept


def test_finite_images_are_compared_with_half_of_them() -> None:
    ground = load_ground("posterior")
    real, _ = ground.halves(50, 0)
    found = truth.space(ground, doubled(), real)
    assert isinstance(found.known, torch.Tensor)
    assert torch.equal(found.known, found.real)


def test_true_images_are_at_the_floor_and_others_above() -> None:
    problem = Sampling(ground="mixture64", num_images=400)
    real, other = halves = problem.loaded.halves(400, 3)
    fresh = {m.quantity: m.samples[0] for m in distances(problem, other, halves, 3)}
    for name, floor in (("fd_coordinates", "fd_floor"), ("kid", "kid_floor"),
                        ("fd_infinity", "fd_infinity_floor"), ("recall", "recall_floor"),
                        ("precision", "precision_floor")):  # fmt: skip
        assert fresh[name] == fresh[floor]
    assert fresh["fd_n"] == 400
    narrow = real.mean(0) + 0.7 * (other - real.mean(0))
    far = {m.quantity: m.samples[0] for m in distances(problem, narrow, halves, 3)}
    assert far["fd_infinity"] > 5 * fresh["fd_coordinates"]
    assert far["kid"] > 10 * abs(fresh["kid"])
    assert far["recall"] < fresh["recall"]
    assert far["fd_floor"] == fresh["fd_floor"]


@pytest.mark.slow
def test_the_digits_mixture_tells_few_evaluations_from_many() -> None:
    """An order shows on it, and the distance at 5 evaluations is many times that at 50."""
    found = {}
    for nfe in (5, 50):
        problem = Sampling(nfe=nfe, num_images=2000)
        sampler = dpmpp_2m.build(problem, SETTING, {})
        found[nfe] = {m.quantity: m.samples[0] for m in problem.quality(sampler, 0, SETTING)}
    for name in ("fd_coordinates", "fd_digits_cnn"):
        assert found[5][name] > 5 * found[50][name]
    assert found[50]["fd_coordinates"] < 1.5 * found[50]["fd_floor"]
    assert found[50]["fd_digits_cnn"] < 1.5 * found[50]["fd_digits_cnn_floor"]
    (order, _) = observed_order(sampler, 0)
    assert order.samples[0] == pytest.approx(2, abs=0.1)
