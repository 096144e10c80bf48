"""Which of a profile's names compute, and which only move."""

from __future__ import annotations

import pytest

from bench.checking.computing import computing, in_words


@pytest.mark.parametrize(
    "names",
    [
        [],
        ["aten::clone", "aten::empty_like", "aten::copy_", "detach"],
        ["autograd::engine::evaluate_function: CloneBackward0", "CloneBackward0", "aten::copy_"],
        ["cudaMemcpyAsync", "Memcpy DtoD (Device -> Device)", "cuLaunchKernel"],
        ["void at::native::elementwise_kernel<128, direct_copy_kernel_cuda>"],
    ],
)
def test_moving_is_not_computing(names: list[str]) -> None:
    assert computing(names) == []


@pytest.mark.parametrize(
    "name",
    [
        "aten::mm",
        "aten::_scaled_dot_product_flash_attention_for_cpu",
        "Torch-Compiled Region: 0/0",
        "mylib::fused",
        "triton_poi_fused_mul_0",
        "a range of record_function",
    ],
)
def test_whatever_is_not_known_to_move_computes(name: str) -> None:
    assert computing(["aten::view", name, name]) == [name]


def test_a_kernel_outside_torch_counts_under_a_name_of_its_own() -> None:
    from torch.autograd.profiler import profile, record_function

    from bench.workers.roles.operators import names_in

    with profile() as profiler:
        pass
    assert computing(names_in(profiler)) == []
    with profile() as profiler, record_function("my kernel"):
        pass
    assert computing(names_in(profiler)) == ["my kernel"]


def test_names_are_told_shortly_and_without_hashes() -> None:
    assert in_words(["## Call CompiledFxGraph fabc123 ##", "aten::mm", "aten::mm"]) == (
        "CompiledFxGraph, aten::mm"
    )
    assert in_words([f"op{i}" for i in range(9)]).endswith("op5, …")
