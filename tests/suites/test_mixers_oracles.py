"""Mixers against the slow paths that transformers has of them: weights of one, by name."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from bench.cases.setting import Setting
from suites.mixers.mamba import Mamba
from suites.mixers.mamba2 import Mamba2
from suites.mixers.mixing import made
from suites.mixers.rwkv import Rwkv

WIDTH, HEADS, STATE = 32, 2, 8
CPU = Setting(torch.float32, torch.device("cpu"))
WITHIN = 1e-5  # of float32, summed in another order

pytestmark = [
    # what transformers, or torch on its behalf, warns of is not ours to mend
    pytest.mark.filterwarnings("default"),
    pytest.mark.usefixtures("no_gradients"),
]


def agree(mixer, oracle: nn.Module, weights: dict[str, torch.Tensor]) -> None:
    """Give an oracle a mixer's weights, and compare what they make of the same tokens."""
    shaped = {name: weights[name].reshape(own.shape) for name, own in oracle.named_parameters()}
    oracle.load_state_dict(shaped)
    x = torch.randn(2, 48, WIDTH, generator=torch.Generator().manual_seed(0))
    expected = oracle.eval()(x)
    expected = expected[0] if isinstance(expected, tuple) else expected
    for form in ("chunked", "recurrent"):
        mixer.form = form
        assert (mixer.mix(x) - expected).norm() <= WITHIN * expected.norm()


def convolution_of(mixer) -> dict[str, torch.Tensor]:
    return {"conv1d.weight": mixer.convolution.weight.T, "conv1d.bias": mixer.convolution.bias}


def test_mamba() -> None:
    from transformers import MambaConfig
    from transformers.models.mamba.modeling_mamba import MambaMixer

    mixer = made(lambda: Mamba(WIDTH, state=STATE, chunk=16), CPU)
    config = MambaConfig(hidden_size=WIDTH, state_size=STATE, num_hidden_layers=1)
    weights = {
        "in_proj.weight": mixer.project.weight,
        "x_proj.weight": mixer.select.weight,
        "dt_proj.weight": mixer.step.weight,
        "dt_proj.bias": mixer.step.bias,
        "A_log": mixer.log_a,
        "D": mixer.skip,
        "out_proj.weight": mixer.out.weight,
        **convolution_of(mixer),
    }
    agree(mixer, MambaMixer(config, 0), weights)


def test_mamba2() -> None:
    from transformers import Mamba2Config
    from transformers.models.mamba2.modeling_mamba2 import Mamba2Mixer

    mixer = made(lambda: Mamba2(WIDTH, HEADS, state=STATE, chunk=16), CPU)
    config = Mamba2Config(
        hidden_size=WIDTH,
        num_heads=HEADS,
        head_dim=2 * WIDTH // HEADS,
        state_size=STATE,
        n_groups=1,
        chunk_size=16,
        num_hidden_layers=1,
        layer_norm_epsilon=1e-6,
    )
    weights = {
        "in_proj.weight": mixer.project.weight,
        "dt_bias": mixer.step_bias,
        "A_log": mixer.log_a,
        "D": mixer.skip,
        "norm.weight": mixer.gain,
        "out_proj.weight": mixer.out.weight,
        **convolution_of(mixer),
    }
    agree(mixer, Mamba2Mixer(config, 0), weights)


def test_rwkv() -> None:
    from transformers import RwkvConfig
    from transformers.models.rwkv.modeling_rwkv import RwkvSelfAttention

    mixer = made(lambda: Rwkv(WIDTH), CPU)
    mixer.mixes += 0.1 * torch.rand(3, WIDTH, generator=torch.Generator().manual_seed(1))
    weights = {
        "time_decay": mixer.log_decay,
        "time_first": mixer.bonus,
        "key.weight": mixer.key.weight,
        "value.weight": mixer.value.weight,
        "receptance.weight": mixer.receptance.weight,
        "output.weight": mixer.out.weight,
        **{
            f"time_mix_{name}": mix
            for name, mix in zip(("receptance", "key", "value"), mixer.mixes, strict=True)
        },
    }
    config = RwkvConfig(hidden_size=WIDTH, attention_hidden_size=WIDTH, num_hidden_layers=1)
    agree(mixer, RwkvSelfAttention(config), weights)
