"""Samplers: closed forms against independent ones, solvers against their published laws."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.discover import load_module, module_names, variants_of
from bench.problem import Incorrect
from bench.setting import Setting
from bench.variant import Variant
from suites.models import edm, stored
from suites.models.digits import digits, load_images
from suites.models.mlp import Mlp
from suites.models.training import Recipe, train_denoiser
from suites.samplers.convergence import observed_order
from suites.samplers.features import features_for
from suites.samplers.frechet import frechet_distance
from suites.samplers.grids import GRIDS, SIGMA_MAX, grid_named
from suites.samplers.ground import ground_names, load_ground
from suites.samplers.inception import Inception, load_inception, prepared
from suites.samplers.mixture import random_mixture
from suites.samplers.noise import Noise, draw_noise
from suites.samplers.problem import Sampling
from suites.samplers.sampler import Sampler

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

CPU = torch.device("cpu")
SETTING = Setting(torch.float32, CPU)
VARIANTS = {v.name: v for m in module_names("suites.samplers") for v in variants_of(load_module(m))}
# Published orders of convergence and evaluations for N steps, written down before any was run.
ORDERS = {"ddim": 1, "euler": 1, "flow_euler": 1, "heun": 2, "dpmpp_2m": 2, "unipc": 3}
TORCHVISION_PARAMETERS = 23_834_568  # of its Inception-v3 with 1000 classes and no auxiliary head


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


def test_the_samplers_of_the_issue_are_there() -> None:
    assert set(VARIANTS) >= {*ORDERS, "ddpm"}


# Fréchet distance


def by_scipy(features: np.ndarray, others: np.ndarray) -> float:
    """Compute the distance as Heusel et al. write it, with a root of the product."""
    from scipy.linalg import sqrtm

    covariances = [np.cov(f, rowvar=False) for f in (features, others)]
    gap = features.mean(0) - others.mean(0)
    root = sqrtm(covariances[0] @ covariances[1])
    return float(gap @ gap + np.trace(covariances[0] + covariances[1] - 2 * np.real(root)))


@pytest.mark.parametrize(("count", "dim"), [(400, 5), (900, 64), (300, 200)])
@pytest.mark.parametrize("offset", [0.0, 1e3])
def test_frechet_distance_is_scipys(count: int, dim: int, offset: float) -> None:
    rng = np.random.default_rng(count + dim)
    features = rng.normal(size=(count, dim)) @ rng.normal(size=(dim, dim)) + offset
    others = rng.normal(size=(count, dim)) * 1.3 + 0.2 + offset
    got = frechet_distance(torch.from_numpy(features), torch.from_numpy(others))
    assert got == pytest.approx(by_scipy(features, others), rel=1e-6)


def test_frechet_distance_of_fewer_images_than_features() -> None:
    """With the other side's covariance the identity, the distance has a closed form."""
    rng = torch.Generator().manual_seed(0)
    few = torch.randn(20, 100, generator=rng, dtype=torch.float64)
    assert frechet_distance(few, few) == pytest.approx(0.0, abs=1e-9)
    assert frechet_distance(few, few + 2) == pytest.approx(400.0, rel=1e-9)
    values = torch.linalg.eigvalsh(few.T.cov()).clamp(min=0)
    shrunk = few.mean(0) + 0.5 * (few - few.mean(0))
    assert frechet_distance(few, shrunk) == pytest.approx(float(values.sum()) / 4, rel=1e-9)
    with pytest.raises(ValueError, match="expected features of shape"):
        frechet_distance(few[:1], few)


# Noise


def test_noise_is_the_images_own_at_any_batch_size() -> None:
    whole = draw_noise((1, 8, 8), 6, 3, torch.float32, CPU)
    parts = [draw_noise((1, 8, 8), 2, 3, torch.float32, CPU, first) for first in (0, 2, 4)]
    assert torch.equal(whole.start, torch.cat([part.start for part in parts]))
    later = [part.draw(part.generators()) for part in parts]
    assert torch.equal(whole.draw(whole.generators()), torch.cat(later))
    assert not torch.equal(whole.start, draw_noise((1, 8, 8), 6, 4, torch.float32, CPU).start)
    assert abs(float(whole.start.mean())) < 0.2
    assert abs(float(whole.start.std()) - 1) < 0.1


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
    expected = 2 * ((nfe + 1) // 2) - 1 if name == "heun" else nfe
    assert sampler.network.num_calls == expected


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


# Exact grounds


@pytest.mark.parametrize("name", ["mixture2", "mixture64"])
@pytest.mark.parametrize("sigma", [0.05, 0.7, 20.0])
def test_a_mixtures_denoiser_is_the_score_of_its_density(name: str, sigma: float) -> None:
    """Tweedie: D = x + sigma^2 grad log p, with the gradient by autograd."""
    ground = load_ground(name)
    x = ground.halves(4, 0)[0] + sigma * torch.randn(4, *ground.shape, dtype=torch.float64)
    with torch.enable_grad():
        x.requires_grad_()
        score = torch.autograd.grad(ground.log_density(x, sigma).sum(), x)[0]  # type: ignore[attr-defined]
    got = ground.denoiser(torch.float64, CPU)(x.detach(), sigma)
    torch.testing.assert_close(got, x.detach() + sigma**2 * score, rtol=1e-9, atol=1e-9)


def test_a_mixtures_density_integrates_to_one() -> None:
    mixture = random_mixture(2, 3, 0.5, seed=0)
    axis = torch.linspace(-8, 8, 401, dtype=torch.float64)
    points = torch.cartesian_prod(axis, axis)
    total = mixture.log_density(points, 0.3).exp().sum() * float(axis[1] - axis[0]) ** 2
    assert float(total) == pytest.approx(1.0, rel=1e-6)


def test_a_mixtures_samples_have_its_moments() -> None:
    mixture = random_mixture(2, 6, 0.25, seed=2)
    drawn, other = mixture.halves(40_000, 0)
    mean = (mixture.weights[:, None] * mixture.means).sum(0)
    torch.testing.assert_close(drawn.mean(0), mean, rtol=0, atol=0.03)
    assert not torch.equal(drawn, other)


@pytest.mark.parametrize("sigma", [0.1, 1.0, 30.0])
def test_the_posteriors_denoiser_is_the_score_of_its_density(sigma: float) -> None:
    ground = load_ground("posterior")
    images = digits().pixels.double()
    x = images[:3] + sigma * torch.randn(3, 1, 8, 8, dtype=torch.float64)
    with torch.enable_grad():
        x.requires_grad_()
        distances = (x[:, None] - images).square().sum((2, 3, 4))
        score = torch.autograd.grad((-distances / (2 * sigma**2)).logsumexp(-1).sum(), x)[0]
    got = ground.denoiser(torch.float64, CPU)(x.detach(), sigma)
    torch.testing.assert_close(got, x.detach() + sigma**2 * score, rtol=1e-8, atol=1e-8)


def test_halves_of_finite_data_share_no_image() -> None:
    real, other = load_ground("posterior").halves(2000, 0)
    assert len(real) == len(other) == 1797 // 2
    shuffled = torch.cat([real, other]).flatten(1)
    assert len(shuffled.unique(dim=0)) >= len(digits().pixels.flatten(1).unique(dim=0)) - 1


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
    """Some of the library's solvers round to float32 on the way: these agree to its precision."""
    sampler = build(VARIANTS[name], ground="mixture2", nfe=9)
    noise = draw_noise((2,), 16, 5, torch.float64, CPU)
    sigmas = sampler.sigmas if low == 0 else sampler.grid.between(9, SIGMA_MAX, low)
    denoise = sampler.problem.loaded.denoiser(torch.float64, CPU)
    got = sampler.solve(denoise, sigmas, SIGMA_MAX * noise.start, noise)
    expected = sampler.formula(denoise, sigmas, SIGMA_MAX * noise.start, noise)
    atol = 1e-5 if name in ("euler", "flow_euler", "dpmpp_2m", "ddpm") else 1e-10
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
    """Errors come from one reference, on disk after the first run."""
    first, again = (
        build(VARIANTS["dpmpp_2m"], ground="mixture64", nfe=30, num_images=300) for _ in range(2)
    )
    found = first.problem.quality(first, 0, SETTING)
    assert found == again.problem.quality(again, 0, SETTING)
    values = {m.quantity: m.samples[0] for m in found}
    assert values["fd_coordinates"] < 2 * values["fd_floor"]
    assert values["error"] < 0.05
    assert values["fd_n"] == 300
    assert len(list(cache.iterdir())) == 1


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
    found = {m.quantity: m for m in sampler.problem.account(sampler, noise, SETTING)}
    assert found["bare_network"].unit == "s"
    assert found["bare_network"].samples[0] > 0
    assert found["overhead_share"].samples[0] > -1


# Problems and data


def test_problems_refuse_what_they_cannot_ask(tmp_path: Path) -> None:
    assert {"mixture2", "mixture64", "posterior", "mlp", "unet"} <= set(ground_names())
    for values, words in (
        ({"ground": "nowhere"}, "expected ground to be one of mixture2"),
        ({"nfe": 1}, "expected nfe of at least 2, got 1"),
        ({"data": str(tmp_path / "none.npy")}, "data: expected the path of a file"),
        ({"inception": "none.pth"}, "inception: expected the path of a file"),
    ):
        with pytest.raises(ValueError, match=words):
            Sampling(**values)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="takes no data"):
        load_ground("mixture2", "x.npy")
    with pytest.raises(ValueError, match="expected grid to be one of"):
        grid_named("square")


def test_a_users_images_are_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    gray = rng.integers(0, 256, (12, 6, 6), dtype=np.uint8)
    np.save(tmp_path / "gray.npy", gray)
    found = load_images(str(tmp_path / "gray.npy"))
    assert found.pixels.shape == (12, 1, 6, 6)
    assert found.labels is None
    assert float(found.pixels.max()) <= 1.0
    np.savez(tmp_path / "colour.npz", images=rng.uniform(-1, 1, (9, 3, 8, 8)))
    problem = Sampling(ground="posterior", data=str(tmp_path / "colour.npz"))
    assert problem.loaded.shape == (3, 8, 8)
    assert features_for((3, 8, 8), False, None).distance == "fd_coordinates"


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((3, 4)), r"expected an .npy or .npz file of images .* got shape \(3, 4\)"),
        (np.full((2, 4, 4), 3.0), r"expected pixels in \[-1, 1\], got 3 to 3"),
        (np.full((2, 4, 4), np.nan), r"expected pixels in \[-1, 1\], got nan"),
        (np.zeros((2, 4, 4), dtype=int), "expected uint8 or floating point pixels, got int64"),
    ],
)
def test_images_that_are_none_get_one_line(tmp_path: Path, array: np.ndarray, words: str) -> None:
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(ValueError, match=words) as caught:
        load_images(str(tmp_path / "x.npy"))
    assert "\n" not in str(caught.value)


def test_files_that_hold_no_array_get_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_text("no array")
    np.savez(tmp_path / "two.npz", a=np.zeros(3), b=np.zeros(3))
    for name, words in (
        ("x.npy", "a file numpy cannot read"),
        ("two.npz", "expected one array, or one named 'images'"),
        ("none.npy", "no such file"),
    ):
        with pytest.raises(ValueError, match=words):
            load_images(str(tmp_path / name))


# Training


def test_training_gives_the_same_bits() -> None:
    images = digits().pixels

    def train() -> dict[str, Tensor]:
        torch.rand(3)  # what ran before must not matter
        return train_denoiser(lambda: Mlp((1, 8, 8), 16, 1), images, Recipe(5), lambda *_: None)

    first, again = train(), train()
    assert first.keys() == again.keys()
    assert all(torch.equal(first[name], again[name]) for name in first)
    other = train_denoiser(
        lambda: Mlp((1, 8, 8), 16, 1), images, Recipe(5, seed=1), lambda *_: None
    )
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_training_denoises_better_than_the_mean() -> None:
    images = digits().pixels
    weights = train_denoiser(
        lambda: Mlp((1, 8, 8), 64, 1), images, Recipe(300, average=0.9), lambda *_: None
    )
    denoiser = edm.Preconditioned(Mlp((1, 8, 8), 64, 1), 1.0)
    denoiser.load_state_dict(weights)
    noisy = images + 0.5 * torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    error = (denoiser(noisy, torch.full((len(noisy),), 0.5)) - images).square().mean()
    variance = float(images.var())
    wiener = variance * 0.25 / (variance + 0.25)  # the best any scaling of single pixels can do
    assert float(error) < 0.7 * wiener


def test_what_is_stored_is_made_once_and_whole(cache: Path) -> None:
    made = []

    def make() -> dict[str, Tensor]:
        made.append(1)
        return {"x": torch.arange(3)}

    key = stored.content_key(edm, torch.ones(2), Recipe(3))
    for _ in range(2):
        assert torch.equal(stored.stored("x", key, make)["x"], torch.arange(3))
    assert made == [1]
    assert [path.name for path in cache.iterdir()] == [f"x-{key}.pt"]
    assert key != stored.content_key(edm, torch.zeros(2), Recipe(3))
    assert key != stored.content_key(edm, torch.ones(2), Recipe(4))
    with pytest.raises(ZeroDivisionError):
        stored.stored("y", key, lambda: 1 / 0)
    assert len(list(cache.iterdir())) == 1


@pytest.mark.slow
def test_the_classifier_knows_digits(cache: Path) -> None:
    from suites.models.digits_cnn import accuracy

    assert accuracy() > 0.97
    sampler = build(VARIANTS["dpmpp_2m"], ground="posterior", nfe=20, num_images=400)
    found = {m.quantity: m.samples for m in sampler.problem.quality(sampler, 0, SETTING)}
    assert len(found["sample_pixels"]) == 16 * 64
    assert found["fd_digits_cnn"][0] < 2 * found["fd_floor"][0]


# Inception


@pytest.fixture(scope="module")
def inception_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("inception") / "weights.pth"
    torch.save(Inception().state_dict(), path)
    return path


def test_inception_has_the_published_layout() -> None:
    network = Inception()
    count = sum(parameter.numel() for parameter in network.parameters())
    assert count == TORCHVISION_PARAMETERS + 8 * 2049  # 1008 classes in place of 1000
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    assert shapes["Mixed_6b.branch7x7dbl_3.conv.weight"] == (128, 128, 1, 7)
    assert shapes["Mixed_7c.branch3x3dbl_3b.conv.weight"] == (384, 384, 3, 1)
    assert shapes["Mixed_5b.branch_pool.bn.running_var"] == (32,)
    assert shapes["fc.weight"] == (1008, 2048)


def test_inception_weights_are_loaded(inception_file: Path, tmp_path: Path) -> None:
    extract = load_inception(str(inception_file))
    own = Inception()
    own.load_state_dict(torch.load(inception_file, weights_only=True))
    images = torch.rand(2, 1, 8, 8) * 2 - 1
    features = extract(images)
    assert features.shape == (2, 2048)
    assert torch.equal(features, own.eval()(images))
    torch.testing.assert_close(features, extract(images.expand(-1, 3, -1, -1)), rtol=1e-3, atol=0)
    older = torch.load(inception_file, weights_only=True)
    torch.save(
        {k: v for k, v in older.items() if not k.endswith("num_batches_tracked")},
        tmp_path / "old.pth",
    )
    assert torch.equal(features, load_inception(str(tmp_path / "old.pth"))(images))
    assert features_for((1, 8, 8), True, str(inception_file)).distance == "fid"


def test_inception_takes_images_as_fid_does() -> None:
    ramp = torch.linspace(-1, 1, 8).expand(1, 1, 8, 8)
    found = prepared(ramp)
    assert found.shape == (1, 3, 299, 299)
    assert float(found.min()) == -1
    assert float(found.max()) == 1
    with pytest.raises(ValueError, match="expected images of 1 or 3 channels, got 2"):
        prepared(torch.zeros(1, 2, 8, 8))


def test_files_that_are_not_inception_get_one_line(inception_file: Path, tmp_path: Path) -> None:
    (tmp_path / "text.pth").write_text("no weights")
    torch.save([1, 2], tmp_path / "list.pth")
    torch.save({"weight": torch.ones(2)}, tmp_path / "other.pth")
    weights = torch.load(inception_file, weights_only=True)
    torch.save({**weights, "fc.weight": torch.ones(1000, 2048)}, tmp_path / "classes.pth")
    for name, words in (
        ("text.pth", "a file torch cannot read"),
        ("list.pth", "got list"),
        ("other.pth", r"got one that lacks Conv2d_1a_3x3.bn.bias \(.* missing, 1 foreign\)"),
        ("classes.pth", r"fc.weight of shape \(1000, 2048\), not \(1008, 2048\)"),
    ):
        with pytest.raises(ValueError, match=words) as caught:
            load_inception(str(tmp_path / name))
        assert "\n" not in str(caught.value)


def test_options_of_every_scheduler_are_pinned() -> None:
    """A default of the library that changes must not change what is measured.

    What is not pinned are the trained table (the grid takes its place) and what is off without it.
    """
    import ast
    import importlib
    import inspect

    replaced = {"num_train_timesteps", "beta_start", "beta_end", "trained_betas", "beta_schedule"}
    idle = {
        "clip_sample_range", "dynamic_thresholding_ratio", "sample_max_value",  # no clipping
        "sigma_min", "sigma_max", "flow_shift", "use_dynamic_shifting", "time_shift_type",
        "shift_terminal", "base_shift", "max_shift", "base_image_seq_len", "max_image_seq_len",
        "lambda_min_clipped", "variance_type",
    }  # fmt: skip
    for variant in VARIANTS.values():
        tree = ast.parse(inspect.getsource(inspect.getmodule(variant.function)))  # type: ignore[arg-type]
        (found,) = (n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module
                    and n.module.startswith("diffusers"))  # fmt: skip
        scheduler = getattr(importlib.import_module(str(found.module)), found.names[0].name)
        calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call)
                 and getattr(n.func, "id", "") == scheduler.__name__]  # fmt: skip
        pinned = {keyword.arg for call in calls for keyword in call.keywords}
        options = set(inspect.signature(scheduler.__init__).parameters) - {"self"}
        assert options - pinned - replaced - idle == set(), variant.name


def test_problems_are_plain_values() -> None:
    assert all(
        isinstance(value, int | str | None) for value in dataclasses.asdict(Sampling()).values()
    )
