"""What samplers are measured on and by: exact and trained grounds, data, Fréchet distance."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from suites.models import edm, stored
from suites.models.digits import digits, load_images
from suites.models.mlp import Mlp
from suites.models.training import Recipe, train_denoiser
from suites.samplers.features import features_for
from suites.samplers.frechet import frechet_distance
from suites.samplers.grids import grid_named
from suites.samplers.ground import ground_names, load_ground
from suites.samplers.inception import Inception, load_inception, prepared
from suites.samplers.mixture import random_mixture
from suites.samplers.problem import Sampling

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

CPU = torch.device("cpu")
TORCHVISION_PARAMETERS = 23_834_568  # of its Inception-v3 with 1000 classes and no auxiliary head


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOUCHSTONE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


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
    np.save(tmp_path / "odd.npy", drawn(9, 3, 7, 7))
    with pytest.raises(ValueError, match="expected images of even sides"):
        Sampling(ground="unet", data=str(tmp_path / "odd.npy")).expect_files()
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
    np.savez(tmp_path / "colour.npz", images=rng.uniform(-1, 1, (9, 3, 8, 8)), names=np.arange(9))
    problem = Sampling(ground="posterior", data=str(tmp_path / "colour.npz"))
    assert problem.loaded.shape == (3, 8, 8)
    assert features_for((3, 8, 8), False, None).distance == "fd_coordinates"


def drawn(*shape: int, low: float = -1, high: float = 1) -> np.ndarray:
    return np.random.default_rng(0).uniform(low, high, shape)


def with_one(value: float) -> np.ndarray:
    array = drawn(9, 6, 6)
    array[3, 2, 1] = value
    return array


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((3, 4)), r"expected an .npy or .npz file of images .* got shape \(3, 4\)"),
        (np.zeros((0, 4, 4)), r"expected an .npy or .npz file .* got shape \(0, 4, 4\)"),
        (np.full((2, 4, 4), 3.0), r"expected pixels in \[-1, 1\], got 3 to 3"),
        (np.full((2, 4, 4), np.nan), r"expected pixels in \[-1, 1\], got nan"),
        (with_one(np.nan), r"expected pixels in \[-1, 1\], got nan in 1 of 324 values"),
        (with_one(-np.inf), r"expected pixels in \[-1, 1\], got -inf in 1 of 324 values"),
        (np.zeros((2, 4, 4), dtype=int), "expected uint8 or floating point pixels, got int64"),
        (drawn(9, 6, 6) > 0, "expected uint8 or floating point pixels, got bool"),
        (drawn(9, 6, 6) * 1j, "expected uint8 or floating point pixels, got complex128"),
        (drawn(9, 1, 6, 6, low=0), r"got 0.0\d+ to 0.9\d+, .* 100% of the images; .* 2 x - 1"),
        (np.concatenate([drawn(9, 6, 6, low=0), drawn(30, 6, 6)]), "none below 0 in 23% of the"),
        (drawn(9, 6, 6) / 2, r"expected pixels in \[-1, 1\], got -0.4\d+ to 0.4\d+"),
        ((drawn(9, 6, 6) > 0).astype(np.uint8), "expected bytes from 0 .* got 0 to 1; stretch"),
        (drawn(9, 6, 6, low=0, high=17).astype(np.uint8), "expected bytes .* got 0 to 16"),
        (drawn(9, 6, 6, 3), r"got shape \(9, 6, 6, 3\), whose channels seem to be last"),
        (drawn(9, 6, 6, 1), r"transpose\(0, 3, 1, 2\)"),
        (drawn(9, 3, 3, 3), r"whose channels seem to be last"),
        (drawn(9, 3, 6, 8), r"expected square images, got shape \(9, 3, 6, 8\)"),
        (drawn(32, 32, 3), r"expected square images, got shape \(32, 32, 3\)"),
        (drawn(9, 7, 6, 6), r"expected 1 to 4 channels, got shape \(9, 7, 6, 6\)"),
        (drawn(3, 32, 32), r"expected at least 8 images, got 3"),
        (np.repeat(drawn(1, 6, 6), 9, 0), "expected images that differ, got one 9 times"),
    ],
)
def test_images_that_are_none_get_one_line(tmp_path: Path, array: np.ndarray, words: str) -> None:
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(ValueError, match=words) as caught:
        load_images(str(tmp_path / "x.npy"))
    assert "\n" not in str(caught.value)


def test_files_that_hold_no_array_get_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_text("no array")
    np.save(tmp_path / "objects.npy", np.array([{}, []], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "objects.npz", images=np.array([None]))
    np.save(tmp_path / "cut.npy", drawn(9, 6, 6))
    np.savez_compressed(tmp_path / "cut.npz", images=drawn(9, 6, 6))
    for name in ("cut.npy", "cut.npz"):
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.npy").write_bytes(b"")
    np.savez(tmp_path / "two.npz", a=np.zeros(3), b=np.zeros(3))
    for name, words in (
        *((n, "a file numpy cannot read") for n in ("x.npy", "objects.npy", "objects.npz")),
        *((n, "a file numpy cannot read") for n in ("cut.npy", "cut.npz", "empty.npy")),
        ("two.npz", "expected one array, or one named 'images'"),
        ("none.npy", "no such file"),
    ):
        with pytest.raises(ValueError, match=words) as refused:
            load_images(str(tmp_path / name))
        assert "\n" not in str(refused.value)


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
