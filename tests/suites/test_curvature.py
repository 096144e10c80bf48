"""How straight paths are, against flows whose velocity is known."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.integrate import quad

from bench.cases.setting import Setting
from suites.samplers.curvature import curvature
from suites.samplers.flow_euler import flow_euler
from suites.samplers.mixture import Mixture
from suites.samplers.problem import Sampling
from tests.suites.on_cpu import CPU, MARKS

pytestmark = MARKS

SIGMA_MAX = 80.0


def starts(dim: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return SIGMA_MAX * torch.randn(64, dim, generator=generator, dtype=torch.float64)


def test_paths_to_one_point_are_straight() -> None:
    point = torch.tensor([0.3, -2.0, 1.0]).double()
    found = curvature(lambda x, sigma: point.expand_as(x), starts(3), SIGMA_MAX)
    assert found == pytest.approx(0, abs=1e-12)


def test_the_curvature_of_a_gaussians_flow() -> None:
    """There Z_t = Z_1 r(t) / r(1) with r(t)^2 = (1 - t)^2 s^2 + t^2, whose slope is known."""
    s, end = 0.25, SIGMA_MAX / (1 + SIGMA_MAX)
    spread = lambda t: math.hypot((1 - t) * s, t)  # noqa: E731
    slope = lambda t: (t - (1 - t) * s**2) / spread(t)  # noqa: E731
    chord = (spread(end) - spread(0)) / end
    bent = quad(lambda t: (slope(t) - chord) ** 2, 0, end)[0] / end
    gaussian = Mixture(torch.zeros(1, 3).double(), torch.ones(1).double(), s)
    found = curvature(gaussian.denoiser(torch.float64, CPU), starts(3), SIGMA_MAX)
    assert found == pytest.approx(bent / chord**2, rel=0.1)  # Euler's 64 steps


def test_flow_euler_tells_its_grounds_curvature_whatever_its_budget() -> None:
    setting = Setting(torch.float32, CPU)
    told = []
    for nfe in (1, 9):
        sampler = flow_euler.build(Sampling(ground="mixture2", nfe=nfe), setting, {})
        (found,) = sampler.own_worth(1)
        assert (found.quantity, found.unit) == ("curvature", "1")
        assert sampler.network.num_calls == 0
        told.append(found.samples[0])
    assert told[0] == told[1] > 0.01
