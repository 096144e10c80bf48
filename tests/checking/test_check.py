"""The correctness gate: what it lets through, and what it must not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from bench import Incorrect, Setting, Unsupported
from bench.checking.operator import Operator
from suites.attention.linear import quadratic
from suites.attention.math import math
from suites.attention.problem import QKV, LinearAttention, SoftmaxAttention

CPU = torch.device("cpu")
Step = Callable[[QKV], torch.Tensor]


def check(problem: Operator, step: Step, setting: Setting) -> None:
    with torch.set_grad_enabled(setting.backward):
        problem.check(problem.call(step, setting), problem.make_inputs(0, setting), setting)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("pass_", ["fwd", "fwd_bwd"])
def test_off_by_one_in_the_mask_is_caught(dtype: torch.dtype, pass_: str) -> None:
    problem = SoftmaxAttention(num_heads=2, seqlen_q=128, head_dim=32)
    setting = Setting(dtype, CPU, pass_)
    hidden = torch.ones(128, 128, dtype=torch.bool).triu(2)  # one key too many

    def step(inputs: QKV) -> torch.Tensor:
        logits = (inputs.q_BHSD * 32**-0.5) @ inputs.k_BKSD.transpose(-2, -1)
        return logits.masked_fill(hidden, -torch.inf).softmax(-1) @ inputs.v_BKSD

    check(problem, math.build(problem, setting, {}), setting)
    with pytest.raises(Incorrect, match="out: relative L2"):
        check(problem, step, setting)


@pytest.mark.parametrize("factor", [1.005, 0.995])
def test_half_a_percent_is_caught_in_float32(factor: float) -> None:
    problem = SoftmaxAttention(num_heads=1, seqlen_q=64, head_dim=16)
    setting = Setting(torch.float32, CPU)
    right = math.build(problem, setting, {})
    with pytest.raises(Incorrect):
        check(problem, lambda inputs: right(inputs) * factor, setting)


def test_one_wrong_element_is_caught_where_it_is() -> None:
    problem = SoftmaxAttention(num_heads=8, seqlen_q=512, head_dim=64)
    setting = Setting(torch.bfloat16, CPU)
    right = math.build(problem, setting, {})

    def step(inputs: QKV) -> torch.Tensor:
        out = right(inputs)
        out[0, 3, 100, 7] += 0.1
        return out

    with pytest.raises(Incorrect, match=r"element error .* at \(0, 3, 100, 7\)"):
        check(problem, step, setting)


def test_a_wrong_gradient_is_caught() -> None:
    problem = SoftmaxAttention(num_heads=1, seqlen_q=64, head_dim=16)
    setting = Setting(torch.float32, CPU, "fwd_bwd")
    right = math.build(problem, setting, {})

    def step(inputs: QKV) -> torch.Tensor:
        return right(
            QKV(inputs.q_BHSD, inputs.k_BKSD.detach() * 1.0 + 0 * inputs.k_BKSD, inputs.v_BKSD)
        )

    with pytest.raises(Incorrect, match="dk"):
        check(problem, step, setting)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda out: out.float(), "expected torch.bfloat16"),
        (lambda out: out[..., :-1], "expected shape"),
    ],
)
def test_form_is_checked(change: Step, complaint: str) -> None:
    problem = SoftmaxAttention(num_heads=1, seqlen_q=64, head_dim=16)
    setting = Setting(torch.bfloat16, CPU)
    right = math.build(problem, setting, {})
    with pytest.raises(Incorrect, match=complaint):
        check(problem, lambda inputs: change(right(inputs)), setting)


def test_a_normaliser_that_overflows_is_caught() -> None:
    """In float16 it becomes inf and the result 0, with no NaN to be seen."""
    problem = LinearAttention(num_heads=1, seqlen=2048, head_dim=64)
    setting = Setting(torch.float16, CPU)

    def step(inputs: QKV) -> torch.Tensor:
        q, k = (torch.nn.functional.elu(x) + 1 for x in inputs[:2])
        weights = q @ k.transpose(-2, -1)
        return (weights @ inputs.v_BKSD) / weights.sum(-1, keepdim=True)

    check(problem, quadratic.build(problem, setting, {}), setting)
    with pytest.raises(Incorrect):
        check(problem, step, setting)


def test_the_reference_does_not_depend_on_its_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = SoftmaxAttention(batch=2, num_heads=4, num_kv_heads=2, seqlen_q=96, head_dim=16)
    setting = Setting(torch.float32, CPU, "fwd_bwd")
    operands = problem.make_inputs(3, setting)
    whole = problem.reference(operands, torch.float64)
    monkeypatch.setattr("suites.attention.problem.REFERENCE_ELEMENTS", 1000)
    for a, b in zip(whole, problem.reference(operands, torch.float64), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


def test_the_reference_agrees_with_torch() -> None:
    problem = SoftmaxAttention(batch=2, num_heads=4, num_kv_heads=2, seqlen_q=64, head_dim=16)
    setting = Setting(torch.float64, CPU)
    operands = problem.make_inputs(0, setting)
    (ours,) = problem.reference(operands, torch.float64)
    theirs = torch.nn.functional.scaled_dot_product_attention(
        *operands.tensors, is_causal=True, enable_gqa=True
    )
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "problem",
    [
        SoftmaxAttention(seqlen_q=37),
        SoftmaxAttention(seqlen_q=37, causal=False),
        SoftmaxAttention(seqlen_q=37, window=5),
        SoftmaxAttention(seqlen_q=37, window=5, causal=False),
        SoftmaxAttention(seqlen_q=7, seqlen_kv=37),
    ],
)
def test_flops_count_the_visible_pairs(problem: SoftmaxAttention) -> None:
    visible = int(problem.mask(CPU).sum()) if problem.masked else 37 * 37
    assert problem.visible_pairs() == visible
    forward = problem.flops(Setting(torch.float32, CPU))
    assert forward == 4 * problem.num_heads * visible * problem.head_dim
    assert problem.flops(Setting(torch.float32, CPU, "fwd_bwd")) == 3 * forward


def test_a_reference_that_overflows_makes_no_budget() -> None:
    problem = LinearAttention(num_heads=1, seqlen=64, head_dim=16)
    setting = Setting(torch.float16, CPU)

    def reference(operands: object, dtype: torch.dtype) -> list[torch.Tensor]:
        value = float("inf") if dtype == torch.float16 else 1.0
        return [torch.full(problem.output_shape(), value, dtype=dtype)]

    object.__setattr__(problem, "reference", reference)
    with pytest.raises(Unsupported, match="cannot be checked"):
        check(problem, lambda inputs: torch.zeros_like(inputs.q_BHSD), setting)
