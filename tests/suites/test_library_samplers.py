"""diffusers' solvers: what they are to one another, and what of them is known in closed form."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from bench import Setting, Unsupported
from suites.samplers.convergence import observed_order
from suites.samplers.ddpm import ddpm
from suites.samplers.deis import deis
from suites.samplers.dpm_solver import dpm_solver
from suites.samplers.dpmpp_2m import dpmpp_2m
from suites.samplers.dpmpp_3m import dpmpp_3m
from suites.samplers.dpmpp_sde import dpmpp_sde
from suites.samplers.dpmpp_singlestep import dpmpp_singlestep
from suites.samplers.euler import euler
from suites.samplers.euler_ancestral import euler_ancestral
from suites.samplers.exponential import DATA, integrated
from suites.samplers.grids import SIGMA_MAX, grid_named
from suites.samplers.ground import Denoise
from suites.samplers.kdpm2 import kdpm2
from suites.samplers.kdpm2_ancestral import kdpm2_ancestral
from suites.samplers.lagrange import lagrange_integrals
from suites.samplers.lms import lms
from suites.samplers.mixture import random_mixture
from suites.samplers.noise import draw_noise
from suites.samplers.pndm import pndm
from suites.samplers.problem import Sampling
from suites.samplers.sa_solver import sa_solver
from suites.samplers.sampler import Sampler
from suites.samplers.sigmas import set_sigmas
from suites.samplers.singlestep import blocks
from suites.samplers.unipc import unipc

pytestmark = pytest.mark.filterwarnings("ignore:__array:DeprecationWarning")

CPU = torch.device("cpu")
SETTING = Setting(torch.float32, CPU)
STOCHASTIC = [dpmpp_sde, euler_ancestral, kdpm2_ancestral, sa_solver]


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


def build(variant: Any, ground: str = "mixture2", nfe: int = 20, **options: Any) -> Sampler:
    sampler: Sampler = variant.build(Sampling(ground=ground, nfe=nfe), SETTING, options)
    return sampler


def carried(sampler: Sampler, sigmas: list[float], dtype: torch.dtype = torch.float64) -> Tensor:
    """Run a solver over levels of noise, from a start that is always the same."""
    noise = draw_noise((2,), 16, 3, dtype, CPU)
    denoise = sampler.problem.loaded.denoiser(dtype, CPU)
    return sampler.solve(denoise, sigmas, sigmas[0] * noise.start, noise)


# Weights


def test_weights_are_those_of_the_textbooks() -> None:
    """Adams and Bashforth 3, Adams and Moulton 3, and the first phi function."""
    assert lagrange_integrals([0, -1, -2], 0, 1) == pytest.approx([23 / 12, -16 / 12, 5 / 12])
    assert lagrange_integrals([1, 0, -1], 0, 1) == pytest.approx([5 / 12, 8 / 12, -1 / 12])
    assert lagrange_integrals([0.0], 0, 3, rate=2.0) == pytest.approx([-math.expm1(-6) / 2])


def test_an_exponential_step_is_exact_for_a_quadratic() -> None:
    """Of D = lambda^2 the ODE has the solution x = lambda^2 - 2 lambda + 2 + c sigma."""

    def exact(sigma: float) -> Tensor:
        u = -math.log(sigma)
        return torch.tensor(u**2 - 2 * u + 2 + 5 * sigma, dtype=torch.float64)

    nodes = [9.0, 4.0, 3.0]
    values = [torch.tensor(math.log(s) ** 2, dtype=torch.float64) for s in nodes]
    found = integrated(exact(3.0), 3.0, 0.5, nodes, values, DATA)
    torch.testing.assert_close(found, exact(0.5), rtol=1e-12, atol=0)


@pytest.mark.parametrize("order", [2, 3])
def test_blocks_use_every_evaluation_and_are_never_of_first_order(order: int) -> None:
    for num_steps in range(2, 40):
        found = blocks(num_steps, order)
        assert sum(found) == num_steps
        assert max(found) <= order
        assert found.count(1) == (1 if order == 2 and num_steps % 2 else 0)
    assert blocks(1, order) == [1]


# Orders and evaluations of what options choose


@pytest.mark.parametrize(
    ("variant", "options", "order"),
    [
        (dpm_solver, {"order": 2}, 2),
        (dpmpp_singlestep, {"order": 3}, 3),
        (lms, {"order": 3}, 3),
        (pndm, {"skip_prk": False}, 2),
        (unipc, {"order": 1}, 2),
    ],
)
def test_options_have_their_order(variant: Any, options: dict[str, Any], order: int) -> None:
    sampler = build(variant, **options)
    found = {m.quantity: m.samples[0] for m in observed_order(sampler, seed=0)}
    assert found["nominal_order"] == order
    assert found["observed_order"] == pytest.approx(order, abs=0.2)


@pytest.mark.parametrize(
    ("variant", "options"),
    [
        (deis, {"order": 1}), (deis, {"order": 2}), (dpm_solver, {"order": 2}),
        (dpmpp_singlestep, {"order": 3}), (lms, {"order": 2}), (pndm, {"skip_prk": False}),
        (sa_solver, {"tau": 0.0}), (sa_solver, {"tau": 0.0, "order": 3}), (unipc, {"order": 3}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("nfe", [13, 20])
def test_options_agree_with_their_formula(variant: Any, options: dict[str, Any], nfe: int) -> None:
    sampler = build(variant, nfe=nfe, **options)
    noise = draw_noise((2,), 16, 5, torch.float64, CPU)
    denoise = sampler.problem.loaded.denoiser(torch.float64, CPU)
    for sigmas in (sampler.sigmas, sampler.grid.between(sampler.num_steps, SIGMA_MAX, 0.3)):
        ran = [f(denoise, sigmas, SIGMA_MAX * noise.start, noise)
               for f in (sampler.solve, sampler.formula)]  # fmt: skip
        torch.testing.assert_close(*ran, rtol=0, atol=1e-10)


def test_a_warm_up_costs_nine_evaluations() -> None:
    sampler = build(pndm, nfe=20, skip_prk=False)
    carried(sampler, sampler.sigmas)
    sampler(draw_noise((2,), 2, 0, torch.float32, CPU))
    assert (sampler.num_steps, sampler.network.num_calls) == (11, 20)
    with pytest.raises(Unsupported, match="expected nfe of 13 or more, got 12"):
        build(pndm, nfe=12, skip_prk=False)


@pytest.mark.parametrize("variant", [deis, dpm_solver, dpmpp_singlestep, lms, sa_solver, unipc])
@pytest.mark.parametrize("order", [0, 9])
def test_an_order_there_is_not_is_refused(variant: Any, order: int) -> None:
    with pytest.raises(ValueError, match=f"expected order from . to ., got {order}"):
        build(variant, order=order)


# One method under two names


def test_dpm_solver_2_is_kdpm2_in_even_steps_of_lambda() -> None:
    """Two evaluations lead over two steps of one, and over one of the other."""
    sigmas = grid_named("log").between(16, SIGMA_MAX, 0.3)
    found = carried(build(dpm_solver, order=2), sigmas)
    expected = carried(build(kdpm2), sigmas[::2])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


def test_euler_ancestral_is_ddpm_unscaled() -> None:
    """Both draw from q(x_next | x, D), which scaling the states does not change."""
    noise = draw_noise((2,), 8, 2, torch.float32, CPU)
    found = build(euler_ancestral, grid="vp")(noise)
    torch.testing.assert_close(found, build(ddpm)(noise), rtol=0, atol=1e-4)


def preconditioned(scheduler: Any, denoise: Denoise, sigmas: list[float], x: Tensor) -> Tensor:
    """Run a scheduler of EDM, which wants the network F inside D = c_skip x + c_out F."""
    set_sigmas(scheduler, sigmas)
    scheduler.is_scale_input_called = True
    data = scheduler.config.sigma_data
    for time, sigma in zip(scheduler.timesteps, sigmas, strict=False):
        c_skip = data**2 / (sigma**2 + data**2)
        c_out = sigma * data / math.hypot(sigma, data)
        network = (denoise(x, sigma) - c_skip * x) / c_out
        x = scheduler.step(network, time, x).prev_sample
    return x


def test_edms_schedulers_are_euler_and_2m() -> None:
    """So they are no contestants of their own: the same arithmetic under other names."""
    from diffusers.schedulers.scheduling_edm_dpmsolver_multistep import (
        EDMDPMSolverMultistepScheduler,
    )
    from diffusers.schedulers.scheduling_edm_euler import EDMEulerScheduler

    for scheduler, ours in (
        (EDMEulerScheduler(), build(euler)),
        (EDMDPMSolverMultistepScheduler(lower_order_final=False), build(dpmpp_2m)),
    ):
        denoise = ours.problem.loaded.denoiser(torch.float64, CPU)
        start = SIGMA_MAX * draw_noise((2,), 16, 3, torch.float64, CPU).start
        found = preconditioned(scheduler, denoise, ours.sigmas, start)
        torch.testing.assert_close(found, carried(ours, ours.sigmas), rtol=0, atol=1e-5)


def test_3m_is_of_third_order_with_its_last_term_whole() -> None:
    """What stands in `dpmpp_3m` of the halved term: with it the order is 2, without it 3."""
    sampler = build(dpmpp_3m)
    assert observed_order(sampler, 0)[0].samples[0] == pytest.approx(2, abs=0.2)

    def whole(denoise: Denoise, sigmas: list[float], x: Tensor, noise: object) -> Tensor:
        cleans: list[Tensor] = []
        for number in range(1, len(sigmas)):
            cleans = [*cleans, denoise(x, sigmas[number - 1])][-3:]
            nodes = sigmas[number - len(cleans) : number]
            x = integrated(x, sigmas[number - 1], sigmas[number], nodes, cleans, DATA)
        return x

    sampler.solve = whole
    assert observed_order(sampler, 0)[0].samples[0] == pytest.approx(3, abs=0.2)


# Noise


@pytest.mark.parametrize("variant", STOCHASTIC, ids=lambda variant: variant.name)
def test_stochastic_samplers_draw_from_the_data(variant: Any) -> None:
    """Of one Gaussian the spread is known: 6400 numbers tell it to 1 %."""
    ground = random_mixture(dim=64, num_components=1, spread=0.5, seed=0)
    sampler = build(variant, nfe=100)
    noise = draw_noise((64,), 100, 1, torch.float32, CPU)
    denoise = ground.denoiser(torch.float32, CPU)
    images = sampler.solve(denoise, sampler.sigmas, SIGMA_MAX * noise.start, noise)
    assert float((images - ground.means).std()) == pytest.approx(0.5, rel=0.05)
    assert float((images - ground.means).mean()) == pytest.approx(0, abs=0.02)


def test_sa_solver_without_tau_draws_no_noise() -> None:
    sampler = build(sa_solver, tau=0.0)
    assert sampler.deterministic
    assert not build(sa_solver).deterministic
    first, other = (draw_noise((2,), 4, seed, torch.float32, CPU) for seed in (0, 1))
    noises = (first, type(first)(first.start, other.seed))
    torch.testing.assert_close(*(sampler(noise) for noise in noises), rtol=0, atol=0)
