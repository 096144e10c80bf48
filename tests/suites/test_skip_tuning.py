"""Skip-Tuning: what the decoder is given, and Heun's method where nothing is scaled."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from bench.cases.problem import Incorrect
from bench.cases.setting import Setting
from bench.cases.variant import Unsupported
from suites.models.edm import Preconditioned
from suites.models.skips import coefficients, scale_skips
from suites.models.unet import Block, UNet
from suites.samplers.heun import heun
from suites.samplers.noise import draw_noise
from suites.samplers.problem import Sampling
from suites.samplers.sampler import Sampler
from suites.samplers.skip_tuning import skip_tuning
from suites.samplers.trained import Trained
from tests.suites.on_cpu import CPU, MARKS

pytestmark = MARKS

SETTING = Setting(torch.float32, CPU)


def drawn(network: nn.Module) -> nn.Module:
    """Draw every weight: an untrained U-Net answers 0, whatever its decoder is given."""
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        parameter.copy_(noise / max(parameter[0].numel(), 1) ** 0.5)
    return network


@pytest.fixture
def drawn_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = lambda self: drawn(Preconditioned(self.build(), 1.0)).state_dict()  # noqa: E731
    monkeypatch.setattr(Trained, "weights", weights)


def build(skip_scale: float, nfe: int = 7) -> Sampler:
    problem = Sampling(ground="unet", nfe=nfe, batch=3)
    sampler: Sampler = skip_tuning.build(problem, SETTING, {"skip_scale": skip_scale})
    return sampler


def test_the_decoder_is_given_less_of_the_coarsest_and_all_of_the_finest() -> None:
    network = drawn(UNet(1, (16, 32)))
    scale_skips(network, 0.7)
    gave, given = [], []
    for layer in (network.first, *network.down):
        layer.register_forward_hook(lambda _, __, out: gave.append(out.clone()))
    for layer in network.up:
        if isinstance(layer, Block):
            layer.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0].clone()))
    network(torch.randn(2, 1, 8, 8), torch.zeros(2))
    factors = [0.7, 0.8, 0.9, 1.0]
    assert coefficients(network, 0.7) == pytest.approx(factors)
    for factor, joined, skip in zip(factors, given, reversed(gave), strict=True):
        torch.testing.assert_close(joined[:, -skip.shape[1] :], factor * skip)


def test_unscaled_it_is_heuns_method(drawn_weights: None) -> None:
    sampler = build(1.0)
    noise = draw_noise((1, 8, 8), 3, 0, torch.float32, CPU)
    plain = heun.build(sampler.problem, SETTING, {})
    torch.testing.assert_close(sampler(noise), plain(noise), rtol=1e-4, atol=1e-4)
    assert (sampler.network.num_calls, sampler.num_steps) == (7, 4)
    assert not torch.allclose(build(0.7)(noise), plain(noise), atol=1e-2)


def test_it_is_held_to_a_network_scaled_by_hand(drawn_weights: None) -> None:
    sampler = build(0.7)
    call = sampler.problem.call(sampler, SETTING)
    noise = sampler.problem.make_inputs(0, SETTING)
    sampler.problem.check(call, noise, SETTING)
    sampler.skip_scale = 0.75  # of the formula alone, whose network is made anew
    with pytest.raises(Incorrect):
        sampler.problem.check(call, noise, SETTING)


@pytest.mark.parametrize("ground", ["mixture2", "mlp"])
def test_it_needs_skip_connections(ground: str, drawn_weights: None) -> None:
    with pytest.raises(Unsupported, match=f"needs a U-Net's skip connections, {ground} has none"):
        skip_tuning.build(Sampling(ground=ground), SETTING, {})


def test_a_scale_is_above_0() -> None:
    with pytest.raises(ValueError, match="expected a scale of skips above 0, got 0"):
        scale_skips(UNet(), 0)
