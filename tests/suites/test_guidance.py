"""Guidance: by a classifier and without one, against Bayes' rule and against each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from bench.cases.setting import Setting
from bench.cases.variant import Unsupported, Variant
from bench.selecting.discover import load_module, module_names, variants_of
from suites.samplers import ddim
from suites.samplers.classifier_free import classifier_free
from suites.samplers.classifier_guidance import classifier_guidance
from suites.samplers.ground import ground_names
from suites.samplers.guided import labels_of
from suites.samplers.noise import draw_noise
from suites.samplers.problem import Sampling
from suites.samplers.sampler import Sampler
from tests.suites.on_cpu import CPU, MARKS
from tests.suites.untrained import leave_untrained

pytestmark = MARKS

EXACT = Setting(torch.float64, CPU)
GUIDES = {v.name: v for v in (classifier_free, classifier_guidance)}


def guided(name: str, **options: Any) -> Sampler:
    problem = Sampling(ground="digits_mixture", nfe=8)
    sampler: Sampler = GUIDES[name].build(problem, EXACT, options)
    return sampler


def test_guidance_needs_classes() -> None:
    with pytest.raises(Unsupported, match="needs a ground with classes, which mixture2 has not"):
        classifier_free.build(Sampling(ground="mixture2"), EXACT, {})
    with pytest.raises(Unsupported, match="needs a ground with classes"):
        classifier_guidance.build(Sampling(ground="mixture2"), EXACT, {})


def guides_of_all_grounds() -> list[Any]:
    """Pair every ground with every sampler that is marked to need classes."""
    names = module_names("suites.samplers")
    found = [variant for name in names for variant in variants_of(load_module(name))]
    guides = [variant for variant in found if "guidance" in variant.marks]
    return [
        pytest.param(ground, guide, id=f"{guide.name}-{ground}")
        for ground in ground_names()
        for guide in guides
    ]


@pytest.mark.parametrize(("ground", "guide"), guides_of_all_grounds())
def test_a_ground_is_guided_or_says_why_not(
    ground: str, guide: Variant, saved: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One with classes may lack a denoiser for each, or a classifier: a DiT has no classifier."""
    leave_untrained(monkeypatch)
    model = str(saved["dit"]) if ground == "model" else None
    told = outcome(guide, Sampling(ground=ground, nfe=2, model=model))
    assert told == "guided" or told.startswith("needs a ground with")
    if ground in ("digits_mixture", "mlp_classes"):
        assert told == "guided"


def outcome(guide: Variant, problem: Sampling) -> str:
    """Sample two images; return why that is refused, if it is."""
    try:
        sampler = guide.build(problem, Setting(torch.float32, CPU), {})
    except Unsupported as why:
        return str(why)
    images = sampler(draw_noise(problem.loaded.shape, 2, 3, torch.float32, CPU))
    return "guided" if images.isfinite().all() else "not finite"


def test_labels_are_the_images_own_and_even() -> None:
    noise = draw_noise((1,), 2000, 7, torch.float32, CPU)
    labels = labels_of(noise, 10)
    later = draw_noise((1,), 5, 7, torch.float32, CPU, first=900)
    assert torch.equal(labels[900:905], labels_of(later, 10))
    counts = torch.bincount(labels, minlength=10)
    assert counts.sum() == 2000
    assert (counts - 200).abs().max() < 60  # 4.5 standard deviations


def test_a_scale_of_guidance_of_0_is_the_class_and_of_minus_1_is_none() -> None:
    """Eq. 6 there has one of its terms alone; DDIM is Euler's method on the same grid."""
    noise = draw_noise((1, 8, 8), 6, 3, torch.float64, CPU)
    zero, without = guided("classifier_free", scale=0.0), guided("classifier_free", scale=-1.0)
    plain = ddim.ddim.build(zero.problem, EXACT, {})
    torch.testing.assert_close(without(noise), plain(noise), rtol=0, atol=1e-7)
    classed = zero.problem.loaded.conditional(torch.float64, CPU)
    labels = labels_of(noise, 10)
    bound = lambda x, sigma: classed(x, sigma, labels)  # noqa: E731
    expected = plain.solve(bound, zero.sigmas, zero.sigmas[0] * noise.start, noise)
    torch.testing.assert_close(zero(noise), expected, rtol=0, atol=1e-7)


def test_one_call_of_both_is_two_calls() -> None:
    noise = draw_noise((1, 8, 8), 4, 3, torch.float64, CPU)
    batched, apart = (guided("classifier_free", scale=2.0, batched=b) for b in (True, False))
    assert (batched.num_steps, apart.num_steps) == (8, 4)
    sigmas = apart.sigmas
    torch.testing.assert_close(batched.run(noise, sigmas), apart.run(noise, sigmas))
    assert (batched.network.num_calls, apart.network.num_calls) == (4, 8)


def test_on_an_exact_ground_a_classifier_guides_as_none_does() -> None:
    """Bayes: D(x | y) = D(x) + sigma^2 grad log p(y | x), so s is w + 1."""
    noise = draw_noise((1, 8, 8), 4, 3, torch.float64, CPU)
    by_classifier, free = (
        guided("classifier_guidance", scale=3.0),
        guided("classifier_free", scale=2.0),
    )
    torch.testing.assert_close(by_classifier(noise), free(noise), rtol=0, atol=1e-8)
    assert by_classifier.network.num_calls == 8


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("classifier_free", {"scale": 1.5}),
        ("classifier_free", {"scale": 1.5, "batched": False}),
        ("classifier_guidance", {"scale": 2.0}),
    ],
)
def test_guidance_passes_its_check(name: str, options: dict[str, Any]) -> None:
    problem, setting = (
        Sampling(ground="digits_mixture", nfe=8, batch=4),
        Setting(torch.float32, CPU),
    )
    call = problem.call(GUIDES[name].build(problem, setting, options), setting)
    problem.check(call, problem.make_inputs(0, setting), setting)
