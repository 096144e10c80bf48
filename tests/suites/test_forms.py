"""Forms of a network: each loss is its paper's, each answer becomes the same denoiser."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from suites.models import forms
from suites.models.edm import EDM, Form, Preconditioned, loss
from suites.models.mlp import Mlp
from suites.models.training import Recipe, train_denoiser
from suites.samplers import trained_on_mixture
from suites.samplers.full_mixture import FullMixture, Gaussians
from suites.samplers.ground import ground_names, load_ground
from suites.samplers.trained_on_mixture import TrainedOnMixture
from tests.suites.on_cpu import CPU, MARKS

pytestmark = MARKS

FORMS = {form.name: form for form in vars(forms).values() if isinstance(form, Form)} | {"edm": EDM}
SIGMA = 0.7

# what a network that knows image and noise would predict, as the papers write it
ANSWERS = {
    "eps": lambda image, noise: noise,
    "x0": lambda image, noise: image,
    "v": lambda image, noise: (noise - SIGMA * image) / math.hypot(1, SIGMA),
    "flow": lambda image, noise: noise - image,
    "flow_uniform": lambda image, noise: noise - image,
}
STATES = {
    "eps": math.hypot(1, SIGMA),
    "x0": math.hypot(1, SIGMA),
    "v": math.hypot(1, SIGMA),
    "flow": 1 + SIGMA,
    "flow_uniform": 1 + SIGMA,
}


class Told(nn.Module):
    """Answers what it was told; keeps what it was asked."""

    def __init__(self, answer: Tensor):
        super().__init__()
        self.answer, self.asked = answer, torch.empty(0)

    def forward(self, x: Tensor, time_B: Tensor) -> Tensor:
        self.asked = x
        return self.answer


def drawn(seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(5, 1, 2, 2, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("name", ANSWERS)
def test_the_right_answer_of_every_form_is_the_image(name: str) -> None:
    image, noise = drawn(0), drawn(1)
    network = Told(ANSWERS[name](image, noise))
    denoiser = Preconditioned(network, 0.5, FORMS[name]).double()
    noisy = image + SIGMA * noise
    torch.testing.assert_close(denoiser(noisy, torch.full((5,), SIGMA).double()), image)
    torch.testing.assert_close(network.asked, noisy / STATES[name])


def test_every_form_has_an_answer_here() -> None:
    assert {*ANSWERS} == FORMS.keys() - {"edm"}


@pytest.mark.parametrize("name", FORMS)
def test_a_loss_is_the_square_error_of_what_is_predicted(name: str) -> None:
    """A network that answers 0 errs by the whole of it: of EDM's form by unit variance."""
    images = 0.5 * torch.randn(4000, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    denoiser = Preconditioned(Told(torch.zeros(())), 0.5, FORMS[name])
    found = float(loss(denoiser, images, torch.Generator().manual_seed(1)))
    sigma = FORMS[name].levels(200_000, torch.Generator().manual_seed(2)).double()
    v = ((1 + 0.25 * sigma**2) / (1 + sigma**2)).mean()
    expected = {"eps": 1.0, "x0": 0.25, "v": float(v), "flow": 1.25, "flow_uniform": 1.25, "edm": 1}
    assert found == pytest.approx(expected[name], rel=0.04)


def test_levels_are_the_papers() -> None:
    """Quantiles: of a logit-normal time, of an even one, and of the cosine schedule's."""
    generator = torch.Generator().manual_seed(0)
    sigma = forms.FLOW.levels(100_000, generator)
    time = sigma / (1 + sigma)
    assert float(time.median()) == pytest.approx(0.5, abs=0.01)
    assert float(time.quantile(0.8413)) == pytest.approx(1 / (1 + math.exp(-1)), abs=0.01)
    sigma = forms.FLOW_UNIFORM.levels(100_000, generator)
    assert float((sigma / (1 + sigma)).quantile(0.8)) == pytest.approx(0.8 * 80 / 81, abs=0.01)
    sigma = forms.VELOCITY.levels(100_000, generator)
    assert float(sigma.quantile(0.75)) == pytest.approx(math.tan(0.75 * math.pi / 2), rel=0.05)
    assert float(sigma.max()) <= 80.001


@pytest.mark.parametrize("name", FORMS)
def test_a_network_of_every_form_learns_to_denoise(name: str) -> None:
    """Of a Gaussian the best is known: error s^2 sigma^2 / (s^2 + sigma^2)."""
    images = 0.5 * torch.randn(2000, 1, 1, 1, generator=torch.Generator().manual_seed(0))
    build, recipe = lambda: Mlp((1, 1, 1), 24, 1), Recipe(200, 128, 5e-3, average=0.9)
    weights = train_denoiser(build, images, recipe, lambda *_: None, FORMS[name])
    denoiser = Preconditioned(build(), 1.0, FORMS[name])
    denoiser.load_state_dict(weights)
    noisy = images + 0.5 * torch.randn(images.shape, generator=torch.Generator().manual_seed(1))
    error = (denoiser(noisy, torch.full((len(noisy),), 0.5)) - images).square().mean()
    assert float(error) == pytest.approx(0.125, rel=0.12)


def test_a_ground_of_a_form_is_trained_once_on_its_mixture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOUCHSTONE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(trained_on_mixture, "RECIPE", Recipe(3, batch=8))
    monkeypatch.setattr(trained_on_mixture, "NUM_TRAINED_ON", 50)
    means, spread = torch.zeros(1, 4).double(), torch.eye(4, dtype=torch.float64)[None]
    parts = Gaussians.of(torch.ones(1).double(), means, spread, torch.zeros(1).long())
    mixture = FullMixture((1, 2, 2), 1, lambda progress: parts)
    told: list[str] = []
    for form in (forms.FLOW, forms.FLOW_UNIFORM, forms.FLOW):
        ground = TrainedOnMixture(form, mixture)
        ground.provision(lambda what, share: told.append(what))
        assert ground.denoiser(torch.float32, CPU)(torch.zeros(2, 1, 2, 2), 0.5).shape[0] == 2
        assert torch.equal(ground.moments().covariance, mixture.moments().covariance)
    assert told == ["training mlp_flow", "training mlp_flow_uniform"]
    for name in ground_names():
        if name.startswith("mlp_"):
            with pytest.raises(ValueError, match=f"{name} takes no data"):
                load_ground(name, "images.npy")
