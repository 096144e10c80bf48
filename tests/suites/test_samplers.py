"""Samplers: noise, grids and solvers against closed forms and their published laws."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.cases.problem import Incorrect
from bench.cases.setting import Setting
from bench.cases.variant import Variant
from bench.selecting.discover import load_module, module_names, variants_of
from suites.samplers.convergence import observed_order
from suites.samplers.grids import GRIDS, SIGMA_MAX, grid_named
from suites.samplers.noise import Noise, draw_noise
from suites.samplers.problem import Sampling
from suites.samplers.sampler import Sampler

pytestmark = pytest.mark.filterwarnings("ignore:__array:DeprecationWarning")

CPU = torch.device("cpu")
SETTING = Setting(torch.float32, CPU)
FOUND = [v for m in module_names("suites.samplers") for v in variants_of(load_module(m))]
# They need classes, skip connections, a lower resolution, a budget of one evaluation.
NEEDY = {"guidance", "skips", "resolution", "one step"}
VARIANTS = {v.name: v for v in FOUND if not NEEDY & {*v.marks}}
# Published orders of convergence and evaluations for N steps, written down before any was run.
ORDERS = {
    "ddim": 1, "euler": 1, "flow_euler": 1, "heun": 2, "flow_heun": 2, "kdpm2": 2, "dpmpp_2m": 2,
    "dpmpp_singlestep": 2, "pndm": 2, "ipndm": 2, "dpm_solver": 3, "deis": 3, "unipc": 3, "lms": 4,
}  # fmt: skip
TWO_A_STEP = {
    "heun",
    "flow_heun",
    "kdpm2",
    "kdpm2_ancestral",
    "edm",
    "ve_pc",
    "vp_pc",
}  # the last: one
ROUNDED = {
    "ddpm", "euler", "euler_ancestral", "flow_euler", "flow_heun", "dpmpp_2m", "dpmpp_3m",
    "dpmpp_sde", "improved_ddpm", "kdpm2_ancestral", "sa_solver",
}  # fmt: skip


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOUCHSTONE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def build(variant: Variant, **values: object) -> Sampler:
    sampler: Sampler = variant.build(Sampling(**values), SETTING, {})  # type: ignore[arg-type]
    return sampler


def test_solvers_of_every_family_are_there() -> None:
    assert set(VARIANTS) >= {
        *ORDERS,
        "ddpm",
        "dpmpp_3m",
        "dpmpp_sde",
        "euler_ancestral",
        "kdpm2_ancestral",
        "sa_solver",
    }


@pytest.mark.parametrize("name", sorted(VARIANTS))
def test_images_do_not_depend_on_the_batch(name: str) -> None:
    sampler = build(VARIANTS[name], ground="mixture2", nfe=10)
    whole = sampler(draw_noise((2,), 6, 1, torch.float32, CPU))
    parts = [sampler(draw_noise((2,), 3, 1, torch.float32, CPU, first)) for first in (0, 3)]
    torch.testing.assert_close(whole, torch.cat(parts), rtol=0, atol=1e-4)


# Evaluations and grids


@pytest.mark.parametrize("nfe", [2, 5, 10, 21])
@pytest.mark.parametrize("name", sorted(VARIANTS))
def test_the_budget_is_kept_and_used(name: str, nfe: int) -> None:
    sampler = build(VARIANTS[name], ground="mixture2", nfe=nfe)
    sampler(draw_noise((2,), 2, 0, torch.float32, CPU))
    expected = 2 * ((nfe + 1) // 2) - 1 if name in TWO_A_STEP else nfe
    assert sampler.network.num_calls == (1 if name == "pndm" and nfe == 2 else expected)


@pytest.mark.parametrize("name", sorted(GRIDS))
def test_grids_fall_from_one_start_to_zero(name: str) -> None:
    for num_steps in (1, 2, 7, 100):
        sigmas = grid_named(name).sampling(num_steps)
        assert len(sigmas) == num_steps + 1
        assert (sigmas[0], sigmas[-1]) == (SIGMA_MAX, 0.0)
        assert all(high > low for high, low in pairwise(sigmas))
    inverse = grid_named(name)
    for sigma in (0.01, 1.0, 50.0):
        assert inverse.sigma(inverse.coordinate(sigma)) == pytest.approx(sigma, rel=1e-12)


def test_the_vp_grid_is_ddpms_table() -> None:
    """Linear betas of Ho et al. summed over 1000 steps are the VP process at t = 1, but for 1/T."""
    betas = np.linspace(1e-4, 0.02, 1000)
    alpha_bar = np.prod(1 - betas)
    sigma = np.sqrt(1 / alpha_bar - 1)
    assert grid_named("vp").sigma(1.0) == pytest.approx(sigma, rel=0.04)


# Solvers


@pytest.mark.parametrize(("name", "order"), sorted(ORDERS.items()))
def test_a_solver_shows_its_published_order(name: str, order: int) -> None:
    sampler = build(VARIANTS[name], ground="mixture2")
    found = {m.quantity: m.samples[0] for m in observed_order(sampler, seed=0)}
    assert sampler.order == order == found["nominal_order"]
    assert found["observed_order"] == pytest.approx(order, abs=0.2)


@pytest.mark.parametrize("name", sorted(VARIANTS))
@pytest.mark.parametrize("low", [0.0, 0.3])
def test_library_and_formula_agree_in_float64(name: str, low: float) -> None:
    """Some of the library's round states or noise to float32: these agree to its precision."""
    sampler = build(VARIANTS[name], ground="mixture2", nfe=9)
    noise = draw_noise((2,), 16, 5, torch.float64, CPU)
    sigmas = sampler.sigmas if low == 0 else sampler.grid.between(9, SIGMA_MAX, low)
    denoise = sampler.problem.loaded.denoiser(torch.float64, CPU)
    got = sampler.solve(denoise, sigmas, SIGMA_MAX * noise.start, noise)
    expected = sampler.formula(denoise, sigmas, SIGMA_MAX * noise.start, noise)
    atol = 1e-5 if name in ROUNDED else 1e-10
    torch.testing.assert_close(got, expected, rtol=0, atol=atol)


def checked(sampler: Sampler, seed: int = 0) -> dict[str, float]:
    problem = sampler.problem
    inputs = problem.make_inputs(seed, SETTING)
    verdict = problem.check(problem.call(sampler, SETTING), inputs, SETTING)
    return {m.quantity: m.samples[0] for m in verdict.measurements}


@pytest.mark.parametrize("name", sorted(VARIANTS))
@pytest.mark.parametrize("ground", ["mixture2", "posterior"])
def test_the_check_passes_what_is_right(name: str, ground: str) -> None:
    found = checked(build(VARIANTS[name], ground=ground, nfe=8, batch=4))
    assert found["out_error_over_budget"] <= 1
    assert found["halfway_error_over_budget"] <= 1
    assert found["nfe"] in (7, 8)


@pytest.mark.parametrize("ground", ["mixture2", "posterior"])
@pytest.mark.parametrize(
    ("name", "wrong"), [("euler", "heun"), ("dpmpp_2m", "ddim"), ("unipc", "dpmpp_2m")]
)
def test_the_check_refuses_another_method(name: str, wrong: str, ground: str) -> None:
    values = {"ground": ground, "nfe": 8, "batch": 4}
    sampler = build(VARIANTS[name], **values)
    sampler.solve = build(VARIANTS[wrong], **values).solve
    with pytest.raises(Incorrect):
        checked(sampler)


def test_the_check_refuses_what_is_over_budget_or_not_finite() -> None:
    sampler = build(VARIANTS["ddim"], ground="mixture2", nfe=8)
    right = sampler.solve

    def twice(denoise: Callable[..., Tensor], sigmas: list[float], x: Tensor, n: Noise) -> Tensor:
        right(denoise, sigmas, x, n)
        return right(denoise, sigmas, x, n)

    sampler.solve = twice
    with pytest.raises(Incorrect, match="used 16 network evaluations, expected at most 8"):
        checked(sampler)
    sampler.solve = lambda denoise, sigmas, x, n: right(denoise, sigmas, x, n) * torch.nan
    with pytest.raises(Incorrect, match="not finite"):
        checked(sampler)


def test_quality_is_the_same_bit_for_bit_when_run_again(cache: Path) -> None:
    """Errors come from one reference, on disk after the first run, as the floors are."""
    first, again = (
        build(VARIANTS["dpmpp_2m"], ground="mixture64", nfe=30, num_images=300) for _ in range(2)
    )
    found = first.problem.quality(first, 0, SETTING)
    assert found == again.problem.quality(again, 0, SETTING)
    values = {m.quantity: m.samples[0] for m in found}
    assert values["fd_coordinates"] < 2 * values["fd_floor"]
    assert values["error"] < 0.05
    assert values["fd_n"] == 300
    assert len(list(cache.iterdir())) == 2


def test_a_coarser_grid_errs_more(cache: Path) -> None:
    errors = []
    for nfe in (10, 80):
        sampler = build(VARIANTS["heun"], ground="mixture2", nfe=nfe, num_images=40)
        found = sampler.problem.quality(sampler, 0, SETTING)
        errors.append({m.quantity: m.samples[0] for m in found}["error"])
    assert errors[1] < errors[0] / 10


def test_ddim_with_noise_is_ddpm() -> None:
    """At eta = 1 DDIM's update is ancestral sampling (Song et al. 2021, section 4.1)."""
    noise = draw_noise((2,), 8, 2, torch.float32, CPU)
    problem = Sampling(ground="mixture2", nfe=20)
    ddim = VARIANTS["ddim"].build(problem, SETTING, {"eta": 1.0})
    assert ddim.order is None
    ddpm = VARIANTS["ddpm"].build(problem, SETTING, {})
    torch.testing.assert_close(ddim(noise), ddpm(noise), rtol=0, atol=1e-4)


def test_overhead_is_measured_beside_the_bare_network() -> None:
    sampler = build(VARIANTS["unipc"], ground="mixture2", nfe=5, batch=2)
    noise = sampler.problem.make_inputs(0, SETTING)
    found = {m.quantity: m for m in sampler.problem.overheads(sampler, noise, SETTING)}
    assert found["overhead_share"].samples[0] > -1


@pytest.mark.slow
def test_the_classifier_knows_digits(cache: Path) -> None:
    from suites.models.digits_cnn import accuracy

    assert accuracy() > 0.97
    sampler = build(VARIANTS["dpmpp_2m"], ground="posterior", nfe=20, num_images=400)
    found = {m.quantity: m.samples for m in sampler.problem.quality(sampler, 0, SETTING)}
    assert len(found["sample_pixels"]) == 16 * 64
    assert found["fd_digits_cnn"][0] < 2 * found["fd_floor"][0]


def test_options_of_every_scheduler_are_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    """A default of the library that changes must not change what is measured.

    What is not pinned are the trained table (the grid takes its place) and what is off without it.
    """
    replaced = {"num_train_timesteps", "beta_start", "beta_end", "trained_betas", "beta_schedule"}
    idle = {
        "clip_sample_range", "dynamic_thresholding_ratio", "sample_max_value",  # no clipping
        "sigma_min", "sigma_max", "flow_shift", "use_dynamic_shifting", "time_shift_type",
        "shift_terminal", "base_shift", "max_shift", "base_image_seq_len", "max_image_seq_len",
        "lambda_min_clipped", "variance_type",
    }  # fmt: skip
    made = schedulers_made(monkeypatch)
    for name, variant in VARIANTS.items():
        made.clear()
        build(variant, ground="mixture2", nfe=4)(draw_noise((2,), 2, 1, torch.float32, CPU))
        for options, pinned in made:  # none of an own solver
            assert options - pinned - replaced - idle == set(), name


def schedulers_made(monkeypatch: pytest.MonkeyPatch) -> list[tuple[set[str], set[str]]]:
    """Return a list that grows by every scheduler made: its options, and those that were given."""
    from diffusers.configuration_utils import ConfigMixin

    made = []
    register = ConfigMixin.register_to_config

    def noted(self: ConfigMixin, **config: object) -> None:
        options = set(inspect.signature(type(self).__init__).parameters) - {"self"}
        unset = config.get("_use_default_values", [])
        assert isinstance(unset, list | set)
        made.append((options, options - set(unset)))
        register(self, **config)

    monkeypatch.setattr(ConfigMixin, "register_to_config", noted)
    return made


def test_problems_are_plain_values() -> None:
    assert all(
        isinstance(value, int | str | None) for value in dataclasses.asdict(Sampling()).values()
    )
