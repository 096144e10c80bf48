"""Ways to take a step: micro batches, layers computed again, forms of AdamW; under any policy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from bench.cases.case import Case
from bench.cases.setting import Setting
from bench.cases.variant import Unsupported
from bench.judging.record import Record
from suites.precision import claims
from suites.precision.accuracy import check
from suites.precision.bf16_kahan import _Kahan
from suites.precision.policy import Policy, finish
from suites.precision.problem import FineTuning, GPTTraining, UNetTraining
from suites.precision.training import Training

CPU = Setting(torch.float32, torch.device("cpu"), "train")
SMALL = GPTTraining(batch=4, seqlen=16, num_layers=3, num_heads=2, dim=16, num_steps=2)
BF16 = {"storage": torch.bfloat16, "compute": torch.bfloat16}
POLICIES: list[dict[str, Any]] = [
    {},
    {"compute": torch.bfloat16},
    BF16,
    {"compute": torch.float16, "scaled": True},
]
WAYS: list[dict[str, Any]] = [
    {"micro_batches": 2},
    {"micro_batches": 4, "checkpointing": "sqrt"},
    {"checkpointing": "full"},
    {"checkpointing": "selective"},
    {"adamw": "foreach"},
    {"adamw": "fused"},
]


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("precision", POLICIES, ids=["fp32", "autocast", "pure", "fp16"])
def test_a_step_is_the_same_however_it_is_taken(precision: Any, way: Any) -> None:
    problem = replace(SMALL, **way)
    if way.get("adamw") == "fused" and precision.get("scaled"):
        pytest.skip("refused; see below")
    check(problem, Policy(problem, CPU, **precision), problem.make_inputs(0, CPU), CPU)


@pytest.mark.parametrize("count", [2, 4])
def test_micro_batches_have_the_loss_and_gradients_of_one(count: int) -> None:
    found = []
    for problem in (SMALL, replace(SMALL, micro_batches=count)):
        policy = Policy(problem, CPU, storage=torch.float64, compute=torch.float64)
        policy.reset()
        running = policy.phases(problem.make_inputs(0, CPU))
        told = [next(running) for _ in range(3 if problem.micro_batches else 2)]
        grads = torch.cat([g.flatten() for g in policy.gradients()])
        found.append((grads, finish(running), told))
    assert torch.allclose(found[0][0], found[1][0], atol=1e-12)
    assert found[0][1] == pytest.approx(found[1][1], rel=1e-12)
    assert found[1][2] == ["forward", "accumulating", "backward"]


def test_fused_adamw_counts_no_skipped_steps_and_is_refused_where_they_are_counted() -> None:
    problem = replace(SMALL, adamw="fused")
    with pytest.raises(Unsupported, match="tells of none"):
        Policy(problem, CPU, compute=torch.float16, scaled=True).reset()
    with pytest.raises(Unsupported, match="AdamW of its own"):
        _Kahan(problem, CPU, **BF16).reset()


def test_a_network_without_layers_is_not_checkpointed() -> None:
    with pytest.raises(ValueError, match="expected checkpointing full, sqrt, selective or none"):
        replace(SMALL, checkpointing="half")
    assert UNetTraining(batch=2, channels=16).checkpointing is None


@pytest.mark.parametrize("problem", [SMALL, FineTuning(batch=4), UNetTraining(batch=4)])
@pytest.mark.parametrize("wrong", [{"micro_batches": 3}, {"micro_batches": 0}, {"adamw": "slow"}])
def test_a_way_that_is_none_is_refused(problem: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        replace(problem, **wrong)


def record(policy: str, way: dict[str, Any], **values: float) -> Record:
    case = Case("precision", policy, "m", "FineTuning", {"width": 8, **way}, pass_="train")
    return Record(case, "ok", values=values)


@pytest.mark.parametrize(
    ("pure", "mixed", "verdict"), [(2.0, 1.0, "holds"), (1.0, 1.0, "fails"), (2.0, 2.0, "fails")]
)
def test_summing_in_16_bits_is_told_from_summing_in_32(
    pure: float, mixed: float, verdict: str
) -> None:
    records = [
        record(policy, {"micro_batches": count}, grad_error_l2=error)
        for policy, times in (("bf16_pure", pure), ("bf16_autocast", mixed))
        for count, error in ((None, 1.0), (32, times))
    ]
    assert claims.gradients_summed_in_16_bits_lose.check(records).verdict == verdict


@pytest.mark.parametrize(("kept", "verdict"), [(0.5, "holds"), (1.0, "fails")])
def test_checkpointing_is_told_beside_the_same_policy(kept: float, verdict: str) -> None:
    records = [
        record("fp32", {"checkpointing": None, "num_steps": 9}, activations=1.0),
        record("fp32", {"checkpointing": "full", "num_steps": 1}, activations=kept),
        record("bf16_autocast", {"checkpointing": "full"}, activations=9.0),
    ]
    assert claims.checkpointing_keeps_fewer_activations.check(records).verdict == verdict


def test_other_claims_judge_steps_that_are_taken_plainly() -> None:
    records = [
        record("fp32", {"checkpointing": "full"}, activations=1.0, parameters=0.0),
        record("bf16_autocast", {"checkpointing": "full"}, activations=9.0, parameters=0.0),
    ]
    assert claims.activations_shrink.check(records).verdict == "untested"


@pytest.mark.parametrize("problem", [UNetTraining(batch=3, channels=16), GPTTraining(batch=3)])
def test_declared_products_are_those_of_a_step(problem: Training) -> None:
    """Of attention a causal step needs half of what is counted of it: none of it, or all."""
    setting = Setting(torch.float32, torch.device("cpu"), "train")
    network, batch = problem.network(0), problem.draw(0)
    counts = []
    math, fused = SDPBackend.MATH, SDPBackend.FLASH_ATTENTION  # of a fused one none is counted
    for backends in ([fused, math], [math]):
        with sdpa_kernel(backends), FlopCounterMode(display=False) as counted:
            problem.loss(problem.output(network, batch), batch).backward()
        counts.append(counted.get_total_flops())
    low, high = counts
    assert 0.999 * low <= (problem.flops(setting) or 0) <= 1.001 * high
