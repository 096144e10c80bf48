"""SiD: its loss leads towards the teacher, and its generator to the law that it was taught."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bench.cases.setting import Setting
from bench.cases.variant import Unsupported
from suites.models import score_identity
from suites.models.training import Recipe
from suites.samplers import distilled
from suites.samplers.mixture import Mixture
from suites.samplers.noise import draw_noise
from suites.samplers.problem import Sampling
from suites.samplers.sid import provision, sid
from tests.suites.on_cpu import CPU, MARKS

pytestmark = MARKS


@pytest.fixture
def problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sampling:
    """Return a Gaussian of mean 1 and deviation .5, to be distilled in a second."""
    monkeypatch.setenv("TOUCHSTONE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(distilled, "WIDTH", 16)
    monkeypatch.setattr(distilled, "NUM_BLOCKS", 1)
    monkeypatch.setattr(distilled, "NUM_REAL", 1000)
    monkeypatch.setattr(distilled, "START", Recipe(60, 64, 5e-3, average=0.9))
    monkeypatch.setattr(distilled, "DISTILLATION", Recipe(120, 64, 4e-3, average=0.95))
    for name, few in (("NUM_AHEAD", 20), ("NUM_RISING", 20), ("NUM_LEVELS", 2)):
        monkeypatch.setattr(score_identity, name, few)
    gaussian = Mixture(torch.ones(1, 2).double(), torch.ones(1).double(), 0.5)
    asked = Sampling(ground="mixture2", nfe=1, batch=8)
    vars(asked)["loaded"] = gaussian
    return asked


def test_a_generator_is_distilled_once_towards_its_teacher(problem: Sampling) -> None:
    told: list[str] = []
    for _ in range(2):
        provision(problem, lambda what, share: told.append(what))
    assert told == ["training what SiD starts from"] * 2 + ["distilling SiD's generator"] * 3
    setting = Setting(torch.float32, CPU)
    sampler = sid.build(problem, setting, {})
    images = sampler(draw_noise((2,), 2000, 1, torch.float32, CPU)).double()
    assert sampler.network.num_calls == 1
    assert float(images.mean()) == pytest.approx(1, abs=0.2)
    assert float(images.std(0).min()) > 0.25  # of .5; a denoiser alone gives .1
    verdict = problem.check(
        problem.call(sampler, setting), problem.make_inputs(0, setting), setting
    )
    assert {m.quantity for m in verdict.measurements} >= {"nfe", "halfway_error_l2"}


def test_an_end_above_0_is_the_image_and_its_noise(
    problem: Sampling, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = distilled.generator_of((2,)).state_dict()
    monkeypatch.setattr("suites.samplers.sid.distilled", lambda *_: drawn)
    sampler = sid.build(problem, Setting(torch.float64, CPU), {})
    noise = draw_noise((2,), 8, 1, torch.float64, CPU)
    image, state = (sampler.run(noise, [80.0, end]) for end in (0.0, 0.5))
    torch.testing.assert_close(state, image + 0.5 * noise.start)


@pytest.mark.parametrize("mean", [-1.0, 0.0, 2.0])
def test_the_loss_leads_a_gaussian_to_its_teachers_mean(mean: float) -> None:
    """The teacher's is 0, both scores are exact: of deviation .5 in x with noise of 1."""
    generator = torch.Generator().manual_seed(0)
    z, noise = (torch.randn(20_000, 1, generator=generator).double() for _ in range(2))
    share = 0.25 / (0.25 + 1)
    with torch.enable_grad():
        own = torch.tensor(mean, dtype=torch.float64, requires_grad=True)
        images = own + 0.5 * z
        true, fake = (m + share * (images + noise - m) for m in (0.0, own.detach()))
        loss = score_identity.identity_loss(images, true, fake)
        (slope,) = torch.autograd.grad(loss, own)
    assert torch.sign(slope) == torch.sign(own)
    assert abs(float(slope)) >= 0.1 * abs(mean)


def test_more_than_one_evaluation_is_refused() -> None:
    told: list[str] = []
    asked = Sampling(ground="mixture2", nfe=5)
    provision(asked, lambda what, share: told.append(what))
    assert not told
    with pytest.raises(Unsupported, match="ask it with nfe=1"):
        sid.build(asked, Setting(torch.float32, CPU), {})
