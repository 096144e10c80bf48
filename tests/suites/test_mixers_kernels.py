"""Mixers' kernels of other libraries, by fakes of how they are called."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from bench import Incorrect, Setting, Unsupported, Variant
from bench.operator import Operator
from suites.attention.linear_fla import linear_fla
from suites.attention.problem import LinearAttention
from suites.attention.qk_norm import QKNormAttention
from suites.attention.qk_norm_liger import liger_norms
from suites.mixers.attention_liger import attention_liger
from suites.mixers.mamba2_kernels import mamba2_scan, mamba2_split
from suites.mixers.mamba_kernels import mamba_inner, mamba_scan
from suites.mixers.problem import Decoding, Layer, TextLearning
from suites.mixers.retnet_fla import retnet_fla
from suites.mixers.rwkv_fla import rwkv_fla
from tests.suites import fake_mamba_kernels as mamba
from tests.suites import fake_mixer_kernels as fakes

LAYERS: tuple[Variant, ...] = (
    *(mamba_scan, mamba_inner, mamba2_scan, mamba2_split),
    *(retnet_fla, rwkv_fla, attention_liger),
)
EVERY = (*LAYERS, linear_fla, liger_norms)
FLOAT32 = (mamba_scan, mamba_inner, rwkv_fla, attention_liger, liger_norms)
SETTING = Setting(torch.float32, torch.device("cpu"))
BACKWARD = replace(SETTING, pass_="fwd_bwd")
BFLOAT16 = replace(SETTING, dtype=torch.bfloat16)
LAYER = Layer(batch=2, seqlen=19, width=16, num_heads=2)
LINEAR = LinearAttention(batch=2, num_heads=2, seqlen=24, head_dim=8, causal=True)


@pytest.fixture(autouse=True)
def take_the_cpu_for_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    fakes.install(monkeypatch)
    for found in EVERY:
        monkeypatch.setattr(f"{found.module}.expect_gpu", lambda *_, **__: None)


def checked(found: Variant, problem: Operator, setting: Setting) -> None:
    built = found.build(problem, setting, {})
    inputs = problem.make_inputs(0, setting)
    problem.check(problem.call(getattr(built, "step", built), setting), inputs, setting)


@pytest.mark.parametrize("setting", [BACKWARD, BFLOAT16], ids=["float32 backward", "bfloat16"])
@pytest.mark.parametrize("found", LAYERS, ids=lambda v: v.name)
def test_a_kernel_computes_the_layer(found: Variant, setting: Setting) -> None:
    checked(found, LAYER, setting)


@pytest.mark.parametrize("setting", [BACKWARD, BFLOAT16], ids=["float32 backward", "bfloat16"])
def test_linear_attention_and_norms_of_others(setting: Setting) -> None:
    checked(linear_fla, LINEAR, setting)
    shape: dict[str, Any] = {"batch": 2, "num_heads": 4, "seqlen_q": 24, "head_dim": 8}
    for fields in ({}, {"num_kv_heads": 2, "causal": False}, {"seqlen_q": 1, "seqlen_kv": 24}):
        checked(liger_norms, QKNormAttention(**{**shape, **fields}), setting)


def test_what_they_have_no_form_for_is_unsupported() -> None:
    with pytest.raises(Unsupported, match="needs causal attention"):
        linear_fla.build(replace(LINEAR, causal=False), SETTING, {})
    for fields in ({"window": 3}, {"seqlen_kv": 32}):
        with pytest.raises(Unsupported, match="none, or causal on a square"):
            liger_norms.build(QKNormAttention(seqlen_q=24, **fields), SETTING, {})
    for found in (mamba2_scan, mamba2_split):
        with pytest.raises(Unsupported, match=r"2 \(width \+ state\) divisible by 8, got 42"):
            found.build(LAYER, SETTING, {"state": 5})


@pytest.mark.parametrize("found", LAYERS, ids=lambda v: v.name)
def test_tokens_are_decoded_by_the_portable_form(found: Variant) -> None:
    with pytest.raises(Unsupported, match="whole sequences; the portable form decodes"):
        found.build(Decoding(context=8, width=16, num_heads=2), SETTING, {})


def test_a_model_of_them_learns_as_defined() -> None:
    checked_steps = TextLearning(batch=2, seqlen=16, width=16, num_heads=2)
    learner = mamba_scan.build(checked_steps, replace(SETTING, pass_="train"), {})
    learner.reset()
    batch = checked_steps.make_inputs(0, SETTING)
    weights = dict(learner.model.named_parameters())
    expected = learner.model.definition(weights, batch.tokens_BS)
    torch.testing.assert_close(learner.model(batch.tokens_BS), expected, rtol=1e-4, atol=1e-4)


def faded_slower(q: Tensor, k: Tensor, v: Tensor, **keywords: Any) -> Any:
    return fakes.chunk_linear_attn(q, k, v, normalize=False, **keywords)


WRONG: dict[str, tuple[Variant, str, Callable[..., Any]]] = {
    "a gate before the norm": (
        mamba2_split,
        "mamba_split_conv1d_scan_combined",
        lambda *given, **words: mamba.mamba_split_conv1d_scan_combined(
            *given, **words | {"norm_before_gate": True}
        ),
    ),
    "no softplus": (
        mamba_scan,
        "selective_scan_fn",
        lambda *given, **words: mamba.selective_scan_fn(
            *given, **words | {"delta_softplus": False}
        ),
    ),
    "no decay": (retnet_fla, "chunk_retention", faded_slower),
    "neighbours for halves": (
        attention_liger,
        "liger_rope",
        lambda q, k, cos, sin: fakes.liger_rope(q, k, cos.roll(1, 1), sin.roll(1, 1)),
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_kernel_that_means_another_thing_is_seen(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, name, wrong = WRONG[what]
    fakes.install(monkeypatch, **{name: wrong})
    with pytest.raises(Incorrect):
        checked(found, LAYER, SETTING)


CALLED = {  # by which words beside the operands
    "causal_conv1d:causal_conv1d_fn": {"activation"},
    "mamba_ssm.ops.selective_scan_interface:selective_scan_fn": {
        *("z", "delta_bias", "delta_softplus"),
    },
    "mamba_ssm.ops.selective_scan_interface:mamba_inner_fn": {"D", "delta_bias", "delta_softplus"},
    "mamba_ssm.ops.triton.ssd_combined:mamba_chunk_scan_combined": {
        *("chunk_size", "D", "dt_bias", "dt_softplus"),
    },
    "mamba_ssm.ops.triton.ssd_combined:mamba_split_conv1d_scan_combined": {
        *("chunk_size", "activation", "rmsnorm_weight", "rmsnorm_eps", "outproj_weight"),
        *("headdim", "norm_before_gate"),
    },
    "fla.ops.retention:chunk_retention": {"scale"},
    "fla.ops.linear_attn:chunk_linear_attn": {"normalize"},
    "fla.ops.rwkv4:fused_recurrent_rwkv4": set(),
    "liger_kernel.transformers.functional:liger_rms_norm": {"casting_mode"},
    "liger_kernel.transformers.functional:liger_rope": set(),
}


@pytest.mark.parametrize("place", CALLED)
def test_a_library_that_is_here_takes_what_its_fake_takes(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As its source says: what has no GPU to run on cannot be imported everywhere."""
    name, _, function = place.partition(":")
    called = getattr(mamba, function, None) or getattr(fakes, function)
    fake = list(signature(called).parameters)
    assert set(fake) >= CALLED[place]
    monkeypatch.undo()
    top, *below = name.split(".")
    found = find_spec(top)
    if found is None or not found.submodule_search_locations:
        pytest.skip(f"{top} is not installed")
    folder = Path(found.submodule_search_locations[0]).joinpath(*below)
    assert parameters_of(function, folder)[: len(fake)] == fake


def parameters_of(function: str, folder: Path) -> list[str]:
    """Return what a function takes that is defined in a module, or in one of a package."""
    file = folder.with_suffix(".py")
    for path in [file] if file.exists() else sorted(folder.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name == function:
                given = node.args
                names = [a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
                return names + ([given.kwarg.arg] if given.kwarg else [])
    raise AssertionError(f"{folder} has no {function}")


def test_each_asks_for_its_libraries_and_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [name for found in EVERY for name in found.lacking] == []
    monkeypatch.undo()
    fakes.install(monkeypatch)
    asked = {"linear_fla": LINEAR, "liger_norms": QKNormAttention()}
    for found in EVERY:
        with pytest.raises(Unsupported, match="needs a CUDA device, got cpu"):
            found.build(asked.get(found.name, LAYER), SETTING, {})
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (9, 0))
    card = replace(SETTING, device=torch.device("cuda:0"))
    for found in (v for v in EVERY if v not in FLOAT32):
        with pytest.raises(Unsupported, match="needs float16 or bfloat16, got float32"):
            found.build(asked.get(found.name, LAYER), card, {})
