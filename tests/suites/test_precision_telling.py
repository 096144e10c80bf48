"""The workload on which precision matters tells policies apart, and no others do so falsely."""

from __future__ import annotations

from statistics import fmean

import pytest
import torch

from bench.cases.setting import Setting
from bench.judging.mean import estimate_mean
from suites.precision.bf16_kahan import _Kahan
from suites.precision.claimed import SAME_LOSS
from suites.precision.fine_tuning import FineTuning
from suites.precision.learning import learn
from suites.precision.policy import Policy
from suites.precision.problem import GPTTraining

CPU = Setting(torch.float32, torch.device("cpu"), "train")
BF16 = {"storage": torch.bfloat16, "compute": torch.bfloat16}
TELLING = FineTuning(width=64, batch=128, num_steps=120)
ORDINARY = GPTTraining(batch=4, seqlen=32, num_layers=2, num_heads=2, dim=32, num_steps=20)


def shares(problem: FineTuning | GPTTraining, policy: Policy, seeds: range) -> list[float]:
    """Return how far a policy ends beyond float32, relative to it, by seed."""
    found = [{m.quantity: m.samples[0] for m in learn(problem, policy, s, CPU)} for s in seeds]
    return [f["loss_gap"] / (f["final_loss"] - f["loss_gap"]) for f in found]


@pytest.mark.parametrize("storage", [{"compute": torch.float16}, BF16])
def test_what_is_known_to_lose_is_told_apart(storage: dict[str, torch.dtype]) -> None:
    gap = estimate_mean(shares(TELLING, Policy(TELLING, CPU, **storage), range(3)))
    assert gap.low is not None
    assert gap.low > 1  # more than twice float32's loss


def test_what_is_known_to_mend_it_is_not_far_behind() -> None:
    lost = fmean(shares(TELLING, Policy(TELLING, CPU, **BF16), range(2)))
    scaled = Policy(TELLING, CPU, compute=torch.float16, scaled=True)
    assert max(map(abs, shares(TELLING, scaled, range(2)))) < SAME_LOSS
    assert fmean(shares(TELLING, _Kahan(TELLING, CPU, **BF16), range(2))) < lost / 5


@pytest.mark.slow
@pytest.mark.parametrize("again", range(20))
def test_an_ordinary_workload_tells_none_apart(again: int) -> None:
    seeds = range(3 * again, 3 * again + 3)
    for more in ({}, {"compute": torch.bfloat16}, {"compute": torch.float16, "scaled": True}):
        gap = estimate_mean(shares(ORDINARY, Policy(ORDINARY, CPU, **more), seeds))
        assert gap.low is not None
        assert gap.low <= SAME_LOSS


@pytest.mark.parametrize("rate", [0.0, -1.0, 2.0])
def test_a_learning_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="expected learning_rate between 0 and 1"):
        FineTuning(learning_rate=rate)
