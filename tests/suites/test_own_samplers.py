"""Samplers that no library has: against closed forms, and against each other where they agree."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.cases.setting import Setting
from bench.selecting.discover import load_module, variants_of
from suites.samplers.convergence import observed_order
from suites.samplers.grids import grid_named
from suites.samplers.noise import draw_noise
from suites.samplers.problem import Sampling
from suites.samplers.sampler import Sampler
from tests.suites.on_cpu import CPU, MARKS

pytestmark = MARKS

EXACT = Setting(torch.float64, CPU)


def build(name: str, nfe: int = 20, ground: str = "mixture2", **options: object) -> Sampler:
    (variant,) = [v for v in variants_of(load_module(f"suites.samplers.{name}")) if v.name == name]
    sampler: Sampler = variant.build(Sampling(ground=ground, nfe=nfe), EXACT, options)  # type: ignore[arg-type]
    return sampler


def sampled(sampler: Sampler, batch: int = 32, seed: int = 3) -> Tensor:
    return sampler(draw_noise(sampler.problem.loaded.shape, batch, seed, torch.float64, CPU))


# Grids


def test_the_cosine_grid_is_improved_ddpms_alpha_bar() -> None:
    """alpha_bar(t) = f(t) / f(0), f(t) = cos((t + s) / (1 + s) pi / 2)^2, s = .008: eq. 17."""
    grid = grid_named("cosine")
    times = np.linspace(0, 0.999, 50)
    f = np.cos((times + 0.008) / 1.008 * np.pi / 2) ** 2
    expected = f / np.cos(0.008 / 1.008 * np.pi / 2) ** 2
    got = [1 / (1 + grid.sigma(t) ** 2) for t in times]
    np.testing.assert_allclose(got, expected, rtol=1e-12)
    # half of the signal's variance is left halfway
    assert 1 / (1 + grid.sigma(0.5) ** 2) == pytest.approx(0.4938, abs=1e-4)


@pytest.mark.parametrize("shift", [1.0, 3.0, 6.0])
def test_sd3s_shift_is_its_map_of_times(shift: float) -> None:
    """t' = s t / (1 + (s - 1) t), between the times of the grid's ends."""
    sampler = build("flow_euler", nfe=10, shift=shift)
    sigma_max = sampler.sigmas[0]
    first = sigma_max / (shift + sigma_max)  # whose image is the first level's own time
    t = np.linspace(first, 0, 11)
    expected = shift * t / (1 + (shift - 1) * t)
    got = [sigma / (1 + sigma) for sigma in sampler.sigmas]
    np.testing.assert_allclose(got, expected, atol=1e-12)
    if shift == 3.0:
        assert sampler.sigmas == grid_named("sd3").sampling(10)


def test_a_shift_is_of_the_log_of_the_signal_to_noise_ratio() -> None:
    plain, shifted = grid_named("vp"), grid_named("vp").shifted(2.0)
    for u in (0.1, 0.5, 0.9):
        ratio = (plain.sigma(u) / shifted.sigma(u)) ** 2
        assert math.log(ratio) == pytest.approx(-2 * math.log(2))
    with pytest.raises(ValueError, match="expected a shift above 0, got 0"):
        plain.shifted(0)


# EDM


def test_edm_without_churn_is_heun() -> None:
    edm, heun = build("edm", s_churn=0.0), build("heun")
    assert edm.sigmas == heun.sigmas
    torch.testing.assert_close(sampled(edm), sampled(heun), rtol=0, atol=1e-9)
    found = {m.quantity: m.samples[0] for m in observed_order(edm, 0)}
    assert edm.order == 2
    assert found["observed_order"] == pytest.approx(2, abs=0.2)


def test_edms_churn_stays_within_its_levels() -> None:
    """Noise is added from s_min to s_max alone; elsewhere the path is Heun's."""
    nowhere = build("edm", s_min=100.0, s_max=200.0)
    torch.testing.assert_close(sampled(nowhere), sampled(build("heun")), rtol=0, atol=1e-9)
    levels: list[float] = []
    churned = build("edm", s_churn=40.0, s_min=0.1, s_max=1.0, nfe=19)
    denoise = churned.network.denoise
    churned.network.denoise = lambda x, sigma: (levels.append(sigma), denoise(x, sigma))[1]
    sampled(churned)
    starts = levels[::2]
    gamma = math.sqrt(2) - 1  # 40 / 10 steps is more
    for level, sigma in zip(starts, churned.sigmas, strict=False):
        inside = 0.1 <= sigma <= 1.0
        assert level == pytest.approx(sigma * (1 + gamma if inside else 1))
