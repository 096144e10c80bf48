"""Grounds that are trained: the same bits, once, and stored whole."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
import torch
from torch import Tensor

from bench.cases.setting import Setting
from suites.models import edm, stored
from suites.models.digits import digits
from suites.models.mlp import Mlp
from suites.models.training import Recipe, train_denoiser
from suites.samplers.flow_euler import flow_euler
from suites.samplers.full_mixture import FullMixture, Gaussians
from suites.samplers.ground import Ground, load_ground
from suites.samplers.grounds import mlp_classes, reflow
from suites.samplers.noise import draw_noise
from suites.samplers.problem import Sampling
from tests.suites.on_cpu import CPU, MARKS

pytestmark = MARKS


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOUCHSTONE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


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


@pytest.mark.parametrize("name", ["mlp", "unet"])
def test_a_trained_ground_is_trained_once(
    name: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module(f"suites.samplers.grounds.{name}")
    monkeypatch.setattr(module, "RECIPE", Recipe(3, batch=8))
    told: list[tuple[str, float]] = []
    ground = load_ground(name)
    ground.provision(lambda what, share: told.append((what, share)))
    assert told == [(f"training {name}", 0.0)]
    ground.provision(lambda what, share: told.append((what, share)))
    assert len(told) == 1
    (kept,) = cache.iterdir()
    assert kept.name.startswith(f"samplers-{name}-")
    noisy = torch.randn(2, 1, 8, 8)
    for dtype in (torch.float32, torch.float64):
        denoise = load_ground(name).denoiser(dtype, CPU)
        assert denoise(noisy.to(dtype), 0.3).dtype == dtype
    exact = denoise(noisy.double(), 0.3)
    torch.testing.assert_close(
        load_ground(name).denoiser(torch.float32, CPU)(noisy, 0.3).double(), exact,
        rtol=1e-4, atol=1e-5,
    )  # fmt: skip


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
    path = cache / f"x-{key}.pt"
    for damaged in (path.read_bytes()[:-200], b"", b"no network", path.read_bytes().swapcase()):
        path.write_bytes(damaged)
        assert torch.equal(stored.stored("x", key, make)["x"], torch.arange(3))
    assert made == [1] * 5


def test_a_network_with_classes_is_trained_once_and_knows_them(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mlp_classes, "RECIPE", Recipe(120, batch=64, average=0.9))
    monkeypatch.setattr(mlp_classes, "CLASSIFIER", (32, 1))
    monkeypatch.setattr(mlp_classes, "ITS_RECIPE", Recipe(220, batch=64, average=0.9))
    monkeypatch.setattr(mlp_classes, "NUM_TRAINED_ON", 500)
    means = torch.tensor([[1.0, 0, 0, 0], [-1.0, 0, 0, 0], [0, 1.0, 0, 0]]).double()
    covariances = 0.1 * torch.eye(4, dtype=torch.float64).expand(3, 4, 4)
    parts = Gaussians.of(torch.ones(3).double(), means, covariances, torch.arange(3))
    ground = mlp_classes.Classed(FullMixture((1, 2, 2), 3, lambda progress: parts))
    told: list[str] = []
    for _ in range(2):
        ground.provision(lambda what, share: told.append(what))
    assert told == [
        *["training mlp_classes"] * 3,  # steps 0, 50 and 100
        *["training the classifier of mlp_classes"] * 5,
    ]
    images, labels = ground.mixture.draw(300, 5)
    noisy = images + torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    classed, plain = ground.conditional(torch.float64, CPU), ground.denoiser(torch.float64, CPU)
    assert torch.equal(classed(noisy, 1.0, torch.full_like(labels, 3)), plain(noisy, 1.0))
    error = lambda denoised: float((denoised - images).square().mean())  # noqa: E731
    right, wrong = classed(noisy, 1.0, labels), classed(noisy, 1.0, (labels + 1) % 3)
    assert error(right) < error(plain(noisy, 1.0)) < error(wrong)
    named = ground.class_log_probabilities(torch.float64, CPU)
    exact = ground.mixture.class_log_probabilities(torch.float64, CPU)
    torch.testing.assert_close(named(noisy, 1.0).exp().sum(-1), torch.ones(300).double())
    for sigma in (0.3, 1.0, 30.0):  # Bayes' rule is the best there is, and nearly reached
        x = images + sigma * (noisy - images)
        cost, least = (-f(x, sigma)[range(300), labels].mean() for f in (named, exact))
        assert float(cost - least) < 0.1


def test_reflow_is_trained_once_and_straightens(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two of Euler's steps then lead nearly to where fifty do, as the exact flow's do not."""
    monkeypatch.setattr(reflow, "WIDTH", 48)
    monkeypatch.setattr(reflow, "RECIPE", Recipe(400, batch=128, average=0.98))
    monkeypatch.setattr(reflow, "NUM_PAIRS", 512)
    parts = Gaussians.of(
        torch.ones(2).double(),
        torch.tensor([[1.0, 0.5], [-1.0, 0.0]]).double(),
        0.02 * torch.eye(2, dtype=torch.float64).expand(2, 2, 2),
        torch.arange(2),
    )
    ground = reflow.Reflow(FullMixture((1, 1, 2), 2, lambda progress: parts))
    told: list[str] = []
    for _ in range(2):
        ground.provision(lambda what, share: told.append(what))
    assert told == ["training reflow"] * 8
    noise = draw_noise((1, 1, 2), 200, 4, torch.float64, CPU)

    def bend(ground: Ground) -> float:
        problem = Sampling(ground="mixture2")
        vars(problem)["loaded"] = ground
        euler = flow_euler.build(problem, Setting(torch.float64, CPU), {})
        few, many = (euler.run(noise, euler.grid.sampling(steps)) for steps in (2, 50))
        return float((few - many).square().mean())

    assert bend(ground) < 0.3 * bend(ground.mixture)
