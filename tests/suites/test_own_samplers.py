"""Samplers that no library has: against closed forms, and against each other where they agree."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.cases.setting import Setting
from bench.cases.variant import Unsupported, Variant
from bench.selecting.discover import load_module, variants_of
from suites.samplers import ve_sde, vp_sde
from suites.samplers.convergence import observed_order
from suites.samplers.grids import grid_named
from suites.samplers.ground import Ground
from suites.samplers.improved_ddpm import learned_v
from suites.samplers.mixture import Mixture
from suites.samplers.noise import draw_noise
from suites.samplers.predictor_corrector import langevin
from suites.samplers.problem import Sampling
from suites.samplers.sampler import Sampler
from tests.suites.on_cpu import CPU, MARKS

pytestmark = MARKS

EXACT = Setting(torch.float64, CPU)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOUCHSTONE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def variant_named(name: str, module: str) -> Variant:
    found = variants_of(load_module(f"suites.samplers.{module or name}"))
    return next(variant for variant in found if variant.name == name)


def build(name: str, nfe: int = 20, module: str = "", **options: Any) -> Sampler:
    problem = Sampling(ground="mixture2", nfe=nfe)
    sampler: Sampler = variant_named(name, module).build(problem, EXACT, options)
    return sampler


def on(ground: Ground, name: str, nfe: int, module: str = "", **options: Any) -> Sampler:
    """Build a sampler on a ground that has no file of its own."""
    problem = Sampling(ground="mixture2", nfe=nfe)
    vars(problem)["loaded"] = ground  # where the cached property keeps it
    sampler: Sampler = variant_named(name, module).build(problem, EXACT, options)
    return sampler


def gaussian(spread: float, dim: int) -> Mixture:
    return Mixture(torch.zeros(1, dim).double(), torch.ones(1).double(), spread)


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


# Improved DDPM


def test_the_learned_variance_is_the_posteriors_on_a_gaussian(cache: Path) -> None:
    """There the reverse step is a Gaussian known exactly, and v is to give its variance."""
    error = lambda sigma: 0.25 * sigma**2 / (0.25 + sigma**2)  # noqa: E731
    for sigma, following in ((9.0, 3.0), (1.0, 0.4), (0.1, 0.05)):
        alpha_bar, before = 1 / (1 + sigma**2), 1 / (1 + following**2)
        # x_t-1 and x_t jointly: variances and covariance of the scaled data and the noise
        earlier, later = before * 0.25 + 1 - before, alpha_bar * 0.25 + 1 - alpha_bar
        covariance = (alpha_bar / before) ** 0.5 * earlier
        expected = earlier - covariance**2 / later
        beta = 1 - alpha_bar / before
        beta_tilde = (1 - before) / (1 - alpha_bar) * beta
        v = learned_v(error, sigma, following)
        assert beta**v * beta_tilde ** (1 - v) == pytest.approx(expected, rel=1e-9)


def test_with_its_variance_learned_few_steps_keep_the_datas(cache: Path) -> None:
    """On a Gaussian the chain is then exact but for its last step; DDPM's loses variance."""
    variances = {
        name: float(sampled(on(gaussian(0.5, 256), name, 12, grid="cosine"), 48).var())
        for name in ("improved_ddpm", "ddpm")
    }
    assert variances["improved_ddpm"] == pytest.approx(0.25, rel=0.08)
    assert variances["ddpm"] < 0.8 * variances["improved_ddpm"]


# Reverse SDEs and Langevin dynamics

SDES = [("ve_sde", name) for name in ve_sde.PREDICTORS]
SDES += [("vp_sde", name) for name in vp_sde.PREDICTORS]


@pytest.mark.parametrize(("name", "predictor"), SDES)
def test_a_reverse_sde_in_small_steps_has_the_datas_variance(name: str, predictor: str) -> None:
    sampler = on(gaussian(0.5, 256), name, 400, predictor=predictor)
    images = sampled(sampler, 48)
    assert float(images.var()) == pytest.approx(0.25, rel=0.06)
    assert float(images.mean()) == pytest.approx(0, abs=0.03)


def test_the_ancestral_sampler_of_the_ve_sde_is_ddpm() -> None:
    """On one grid: both sample the posterior of the same Markov chain, scaled otherwise."""
    ours = sampled(build("ve_sde", predictor="ancestral", grid="vp"))
    torch.testing.assert_close(ours, sampled(build("ddpm")), rtol=0, atol=1e-5)


@pytest.mark.parametrize("family", ["ve", "vp"])
def test_a_corrector_is_within_the_budget_and_none_is_the_predictor(family: str) -> None:
    module, predictor = f"{family}_sde", {"predictor": "reverse_diffusion"}
    without = build(f"{family}_pc", module=module, corrector=0)
    torch.testing.assert_close(sampled(without), sampled(build(module, **predictor)))
    for corrector, nfe, calls in ((1, 20, 19), (2, 20, 19), (3, 4, 1), (3, 5, 5)):
        sampler = build(f"{family}_pc", nfe, module=module, corrector=corrector)
        sampled(sampler, 2)
        assert sampler.network.num_calls == calls
    with pytest.raises(ValueError, match="expected corrector steps of at least 0, got -1"):
        build(f"{family}_pc", module=module, corrector=-1)
    with pytest.raises(ValueError, match=r"expected predictor to be one of .*ancestral, got 'x'"):
        build(module, predictor="x")


def test_the_correctors_stationary_variance() -> None:
    """Of x' = x - epsilon x / V + sqrt(2 epsilon) z it is V / (1 - epsilon / (2 V)).

    In many dimensions |z| / |g| is sqrt(V'), V' the variance of x: epsilon = 2 snr^2 V V / V'.
    """
    generator, snr = torch.Generator().manual_seed(0), 0.3
    draw = lambda: torch.randn(8, 2000, generator=generator, dtype=torch.float64)  # noqa: E731
    x, data, sigma = draw(), 0.25, 1.0
    total = data + sigma**2
    for _ in range(60):
        x = langevin(x, data / total * x - x, draw(), snr, 1.0, sigma)
    # V' = V^2 / (V - epsilon / 2) with epsilon V' = 2 snr^2 V^2, solved for V'
    assert float(x.var()) == pytest.approx(total * (1 + snr**2), rel=0.02)


@pytest.mark.parametrize("step_size", [0.2, 1.0])
def test_annealed_langevins_stationary_variance_at_one_level(step_size: float) -> None:
    """Of x' = (1 - alpha / (2 V)) x + sqrt(alpha) z: alpha / (1 - (1 - alpha / (2 V))^2)."""
    sampler = on(gaussian(0.5, 256), "annealed_langevin", 4, step_size=step_size)
    sigma, total = 2.0, 0.25 + 4.0
    alpha = step_size * sigma**2
    noise = draw_noise((256,), 48, 1, torch.float64, CPU)
    got = sampler.run(noise, [sigma] * 80 + [0.0])
    expected = alpha / (1 - (1 - alpha / (2 * total)) ** 2)
    assert float(got.var()) == pytest.approx(expected, rel=0.04)


def test_annealed_langevin_has_two_levels_or_refuses() -> None:
    sampler = build("annealed_langevin", 21, steps_per_level=5)
    sampled(sampler, 2)
    assert (sampler.network.num_calls, len(sampler.sigmas) - 1) == (20, 4)
    with pytest.raises(Unsupported, match="5 steps a level need an nfe of 10 for two levels"):
        build("annealed_langevin", 9, steps_per_level=5)


# AMED


def test_amed_is_all_but_exact_on_a_gaussian(cache: Path) -> None:
    """There the ODE is linear, and one number a step says where it leads."""
    sampler = on(gaussian(0.5, 8), "amed", 5)
    noise = draw_noise((8,), 16, 4, torch.float64, CPU)
    expected = noise.start * 80 * (0.25 / (0.25 + 80**2)) ** 0.5
    torch.testing.assert_close(sampler(noise), expected, rtol=2e-3, atol=1e-4)


@pytest.mark.parametrize(("nfe", "factor"), [(5, 0.1), (6, 0.1), (10, 0.5)])
def test_amed_errs_less_than_heun_in_few_evaluations(cache: Path, nfe: int, factor: float) -> None:
    noise = draw_noise((2,), 200, 11, torch.float64, CPU)
    ours, heun = build("amed", nfe), build("heun", nfe)
    true = build("heun", 400)(noise)
    errors = [float((s(noise) - true).square().mean()) for s in (ours, heun)]
    assert errors[0] < factor * errors[1]
    assert ours.network.num_calls == nfe
