"""Kernels of other libraries, by fakes of how they are called: layouts, windows, alignments."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from inspect import signature
from typing import Any

import pytest
import torch
from torch.nn import attention
from torch.nn.attention import SDPBackend

from bench import Incorrect, Setting, Unsupported, Variant, variant
from bench.cases.variant import contestants
from bench.selecting.contestants import Contestants
from bench.selecting.listing import list_cases
from suites.attention import sdpa_registered
from suites.attention.eight_bit import sage
from suites.attention.flash_attn import flash_attn_2, flash_attn_3
from suites.attention.math import math
from suites.attention.memory_efficient import xformers
from suites.attention.neighbourhood import natten
from suites.attention.problem import SoftmaxAttention
from suites.attention.sdpa_registered import sdpa_flash_3, sdpa_flash_4
from suites.models.on_gpu import expect_gpu
from tests.suites import fake_kernels

FLASH = (flash_attn_2, flash_attn_3)
EVERY: tuple[Variant, ...] = (*FLASH, xformers, natten, sage, sdpa_flash_3, sdpa_flash_4)
BFLOAT16 = Setting(torch.bfloat16, torch.device("cpu"))
BACKWARD = replace(BFLOAT16, pass_="fwd_bwd")
SHAPE: dict[str, Any] = {"batch": 2, "num_heads": 4, "seqlen_q": 24, "head_dim": 8}

ASKED = {
    "causal": {},
    "not causal": {"causal": False},
    "heads that share keys": {"num_kv_heads": 2},
    "one head of keys": {"num_kv_heads": 1, "causal": False},
    "fewer queries than keys": {"seqlen_q": 5, "seqlen_kv": 24},
    "fewer queries, not causal": {"seqlen_q": 5, "seqlen_kv": 24, "causal": False},
    "a window": {"window": 7},
    "a window of two": {"window": 2, "num_kv_heads": 2},
    "a window of one": {"window": 1},
    "a window to both sides": {"window": 6, "causal": False},
}
REFUSED = {  # what else each of them cannot do, in words of the reason
    ("natten", "a window of one"): "window of at least 2",
    ("natten", "a window to both sides"): "needs causal attention",
    **{
        ("natten", what): "with a window"
        for what, fields in ASKED.items()
        if "window" not in fields
    },
    **{("sage", what): "no window" for what, fields in ASKED.items() if "window" in fields},
    ("sage", "fewer queries than keys"): "as many queries as keys",
}


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Install the fakes, and take the CPU for a GPU."""
    fake_kernels.install(monkeypatch)
    take_the_cpu_for_a_gpu(monkeypatch)


def take_the_cpu_for_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    for found in EVERY:
        monkeypatch.setattr(f"{found.module}.expect_gpu", lambda *_, **__: None)


def checked(found: Variant, setting: Setting, **fields: Any) -> None:
    problem = SoftmaxAttention(**{**SHAPE, **fields})
    built = found.build(problem, setting, {})
    inputs = problem.make_inputs(0, setting)
    problem.check(problem.call(getattr(built, "step", built), setting), inputs, setting)


@pytest.mark.usefixtures("fakes")
@pytest.mark.parametrize("what", ASKED)
@pytest.mark.parametrize("found", [*FLASH, xformers, natten, sage], ids=lambda v: v.name)
def test_a_kernel_is_asked_for_the_same_attention(found: Variant, what: str) -> None:
    if reason := REFUSED.get((found.name, what)):
        with pytest.raises(Unsupported, match=reason):
            checked(found, BFLOAT16, **ASKED[what])
    else:
        checked(found, BFLOAT16, **ASKED[what])


@pytest.mark.usefixtures("fakes")
@pytest.mark.parametrize("found", [*FLASH, xformers], ids=lambda v: v.name)
def test_gradients_come_back_in_the_layout_they_went(found: Variant) -> None:
    checked(found, BACKWARD)
    checked(found, BACKWARD, window=7)


@pytest.mark.usefixtures("fakes")
def test_natten_has_a_backward_pass() -> None:
    checked(natten, BACKWARD, window=7, num_kv_heads=2)


@pytest.mark.usefixtures("fakes")
def test_what_a_library_says_it_cannot_is_unsupported() -> None:
    with pytest.raises(Unsupported, match="no backward pass"):
        checked(sage, BACKWARD)
    with pytest.raises(Unsupported, match="no backward pass for heads that share keys"):
        checked(xformers, BACKWARD, num_kv_heads=2)
    with pytest.raises(Unsupported, match="xformers has no kernel for it here: No operator found"):
        checked(xformers, BFLOAT16, num_kv_heads=2, seqlen_q=128)
    for found, most in ((flash_attn_2, 256), (flash_attn_3, 256), (sage, 128)):
        with pytest.raises(Unsupported, match=f"head_dim of at most {most}, got 264"):
            checked(found, BFLOAT16, head_dim=264)


@pytest.mark.usefixtures("fakes")
def test_a_wrong_alignment_or_window_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fakes tell apart what they are there to tell apart."""
    module = sys.modules[flash_attn_2.module]
    for wrong, fields in (
        ({"reach": lambda problem: (problem.window, 0)}, {"window": 7}),
        ({"heads_last": lambda inputs: inputs}, {"seqlen_q": 4, "num_heads": 4}),
    ):
        with monkeypatch.context() as patched:
            for name, value in wrong.items():
                patched.setattr(module, name, value)
            with pytest.raises(Incorrect):
                checked(flash_attn_2, BFLOAT16, **fields)


def test_the_first_flash_attn_3_returns_two(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_kernels.install(monkeypatch, flash_attn_func_3=fake_kernels.first_flash_attn_func_3)
    take_the_cpu_for_a_gpu(monkeypatch)
    checked(flash_attn_3, BFLOAT16)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_eight_bits_are_fewer_than_sixteen(
    dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sage's own rounding is beyond what 16 bits may err: a row that says so, and has no rank."""
    fake_kernels.install(monkeypatch, sageattn=fake_kernels.sageattn_in_eight_bits)
    take_the_cpu_for_a_gpu(monkeypatch)
    with pytest.raises(Incorrect, match="out"):
        checked(sage, replace(BFLOAT16, dtype=dtype), seqlen_q=128, head_dim=64)


CALLED = {  # by which keywords beside the operands
    "flash_attn.flash_attn_interface:flash_attn_func": {"causal", "window_size"},
    "flash_attn_interface:flash_attn_func": {"causal", "window_size"},
    "xformers.ops:memory_efficient_attention": {"attn_bias"},
    "natten:na1d": {"kernel_size", "is_causal"},
    "sageattention:sageattn": {"tensor_layout", "is_causal"},
}


@pytest.mark.parametrize("place", CALLED)
def test_a_library_that_is_here_takes_what_its_fake_takes(place: str) -> None:
    name, _, function = place.partition(":")
    if find_spec(name.partition(".")[0]) is None:
        pytest.skip(f"{name} is not installed")
    theirs = list(signature(getattr(import_module(name), function)).parameters)
    assert [word[0] for word in theirs[:3]] == ["q", "k", "v"]
    assert set(theirs) >= CALLED[place]


def test_without_its_package_a_variant_says_which_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    @variant(needs=["a_kernel_library_nobody_has"])
    def lacking(problem: SoftmaxAttention) -> None:
        raise AssertionError("not to be set up")

    assert lacking.lacking == ["a_kernel_library_nobody_has"]
    with pytest.raises(Unsupported, match="needs a_kernel_library_nobody_has, which is not inst"):
        lacking.build(SoftmaxAttention(), BFLOAT16, {})
    fake_kernels.install(monkeypatch)
    assert [name for found in EVERY for name in found.lacking] == []


def test_what_is_lacking_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def listed() -> list[bool]:
        group = Contestants("attention", [flash_attn_2], {})
        request = {"sets": ["seqlen=64,128,256"], "files": {}, "preset": "quick"}
        return [case.timed for case in list_cases(request, "cpu", [group])]

    assert listed() == [False]  # a row with its reason, and no place in any round
    fake_kernels.install(monkeypatch)
    assert len(listed()) == 3
    assert all(listed())


def test_what_is_lacking_takes_no_round_from_what_is_there() -> None:
    group = Contestants("attention", [flash_attn_2, *contestants(math)], {})
    request = {"sets": ["seqlen=64,128"], "files": {}, "preset": "quick"}
    cases = list_cases(request, "cpu", [group])
    assert {(case.variant, case.timed) for case in cases} == {
        ("flash_attn_2", False),
        ("math", True),
    }


def test_a_kernel_asks_for_the_gpu_it_is_for(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_kernels.install(monkeypatch)
    fields = {**SHAPE, "window": 7}
    for found in (v for v in EVERY if v is not sage):
        with pytest.raises(Unsupported, match="needs a CUDA device, got cpu"):
            found.build(SoftmaxAttention(**fields), BFLOAT16, {})
    with pytest.raises(Unsupported, match="needs a CUDA device, got cpu"):
        sage.build(SoftmaxAttention(**SHAPE), BFLOAT16, {})
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (8, 6))
    card = replace(BFLOAT16, device=torch.device("cuda:0"))
    with pytest.raises(Unsupported, match=r"needs compute capability 9\.x or 10\.x, got 8\.x"):
        expect_gpu(card, 9, 10)
    with pytest.raises(Unsupported, match="needs float16 or bfloat16, got float32"):
        expect_gpu(replace(card, dtype=torch.float32), 8)
    expect_gpu(card, 8)
    expect_gpu(card)


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Let torch have an implementation under each name that registers itself and does nothing."""
    fake_kernels.install(monkeypatch)
    take_the_cpu_for_a_gpu(monkeypatch)
    names: list[str] = []

    class Handle:
        def remove(self) -> None:
            names.append("removed")

    def register(name: str) -> Handle:
        names.append(name)
        return Handle()

    known = {name: lambda name=name: register(name) for name in ("FA3", "FA4")}
    monkeypatch.setattr(attention._registry, "_FLASH_ATTENTION_IMPLS", known)
    monkeypatch.setattr(attention._registry, "_FLASH_ATTENTION_ACTIVE", None)
    with attention.sdpa_kernel([SDPBackend.MATH, SDPBackend.FLASH_ATTENTION]):
        yield names  # what a variant forces ends here, not with its process


def test_torch_knows_these_implementations() -> None:
    assert {"FA3", "FA4"} <= set(attention.list_flash_attention_impls())


def built(found: Variant) -> tuple[Any, Any]:
    problem = SoftmaxAttention(**SHAPE)
    forced = found.build(problem, BFLOAT16, {})
    inputs = problem.make_inputs(0, BFLOAT16)
    problem.check(problem.call(forced.step, BFLOAT16), inputs, BFLOAT16)
    return forced, inputs


def test_a_later_flash_attention_is_registered_and_proven(registered: list[str]) -> None:
    fourth, inputs = built(sdpa_flash_4)
    fourth.verify(inputs)
    third, inputs = built(sdpa_flash_3)
    assert registered == ["FA4", "removed", "FA3"]
    with pytest.raises(Unsupported, match="asked for FA3, but torch ran aten::"):
        third.verify(inputs)  # the registered one does nothing, so that torch's own runs


def test_one_that_another_has_replaced_is_found(registered: list[str]) -> None:
    fourth, inputs = built(sdpa_flash_4)
    attention.restore_flash_attention_impl()
    with pytest.raises(Unsupported, match="but torch has its own active"):
        fourth.verify(inputs)


def test_a_package_that_is_not_what_torch_wants_is_unsupported(
    registered: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(name: str) -> None:
        raise RuntimeError("Module 'flash_attn_interface' does not expose FA3 kernels")

    monkeypatch.setattr(sdpa_registered, "activate_flash_attention_impl", refuse)
    with pytest.raises(Unsupported, match="torch cannot register it: Module 'flash_attn_interface"):
        built(sdpa_flash_3)
