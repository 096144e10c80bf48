"""Upsample Guidance: idle where nothing errs, and a small image's own path where all is pulled."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch

from bench.cases.problem import Incorrect
from bench.cases.setting import Setting
from bench.cases.variant import Unsupported
from suites.samplers.grids import grid_named
from suites.samplers.ground import load_ground
from suites.samplers.grounds import unet16
from suites.samplers.noise import draw_noise
from suites.samplers.problem import Sampling
from suites.samplers.sampler import Sampler
from suites.samplers.upsample_guidance import upsample_guidance
from suites.samplers.upsampled import block_means, repeated
from tests.suites.on_cpu import CPU, MARKS

pytestmark = MARKS

EXACT = Setting(torch.float64, CPU)


def build(upsample_scale: float, steps: int, setting: Setting = EXACT) -> Sampler:
    problem = Sampling(ground="digits_mixture16", nfe=steps * (2 if upsample_scale else 1), batch=4)
    options = {"upsample_scale": upsample_scale}
    sampler: Sampler = upsample_guidance.build(problem, setting, options)
    return sampler


def test_an_exact_denoiser_needs_no_guidance() -> None:
    """It knows the means of blocks already, so that both say the same of them."""
    noise = draw_noise((1, 16, 16), 4, 0, torch.float64, CPU)
    alone, guided = build(0.0, 6), build(1.0, 6)
    torch.testing.assert_close(guided(noise), alone(noise), rtol=0, atol=1e-10)
    assert (alone.network.num_calls, guided.network.num_calls) == (6, 12)


def test_at_scale_1_means_of_blocks_go_the_way_of_the_small_image() -> None:
    """Whatever the network says at 16 x 16: DDIM at 8 x 8 from the mean noise, at half of it."""
    noise = draw_noise((1, 16, 16), 4, 0, torch.float64, CPU)
    sampler = build(1.0, 6)
    right = sampler.network.denoise
    wrong = lambda x, sigma: right(x, sigma).sin() if x.shape[-1] == 16 else right(x, sigma)  # noqa: E731
    sampler.network.denoise = wrong
    x = block_means(sampler.sigmas[0] * noise.start)
    for sigma, following in pairwise(sampler.sigmas):
        x = torch.lerp(x, right(x, sigma / 2), 1 - following / sigma)
    torch.testing.assert_close(block_means(sampler(noise)), x, rtol=0, atol=1e-10)


def test_it_is_held_to_the_papers_formula() -> None:
    setting = Setting(torch.float32, CPU)
    for scale in (0.0, 0.7):
        sampler = build(scale, 4, setting)
        call = sampler.problem.call(sampler, setting)
        noise = sampler.problem.make_inputs(0, setting)
        sampler.problem.check(call, noise, setting)
    biased = sampler.network.denoise
    sampler.network.denoise = lambda x, sigma: biased(x, 1.01 * sigma)
    with pytest.raises(Incorrect):
        sampler.problem.check(call, noise, setting)


def test_it_needs_a_lower_resolution_and_two_evaluations() -> None:
    with pytest.raises(Unsupported, match="needs a lower resolution, which mixture2 has not"):
        upsample_guidance.build(Sampling(ground="mixture2"), EXACT, {})
    with pytest.raises(Unsupported, match="takes two evaluations a step, the budget has one"):
        upsample_guidance.build(Sampling(ground="digits_mixture16", nfe=1), EXACT, {})


def test_the_shifted_grid_has_a_quarter_of_the_signal_to_noise_ratio() -> None:
    plain, shifted = (grid_named(name) for name in ("cosine", "cosine_shifted"))
    for time in (0.1, 0.5, 0.9):
        log_snr = [-2 * math.log(grid.sigma(time)) for grid in (plain, shifted)]
        assert log_snr[1] - log_snr[0] == pytest.approx(-2 * math.log(2))
    assert shifted.sampling(7)[::7] == [80.0, 0.0]


def test_a_network_is_taken_to_twice_its_sides() -> None:
    ground = load_ground("unet16")
    assert isinstance(ground, unet16.Enlarged)
    real, other = ground.halves(6, 0)
    assert ground.shape == real.shape[1:] == other.shape[1:] == (1, 16, 16)
    small, _ = ground.small.halves(6, 0)
    assert torch.equal(real, repeated(small))
