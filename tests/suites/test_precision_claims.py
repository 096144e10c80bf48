"""Claims on precision, judged on made-up records of trained policies."""

from __future__ import annotations

import pytest

from bench.cases.case import Case
from bench.judging.record import Record
from suites.precision import claims


def trained(policy: str, **values: float) -> Record:
    case = Case("precision", policy, "m", "GPTTraining", {"dim": 8}, pass_="train")
    return Record(case, "ok", values=values)


@pytest.mark.parametrize(
    ("kept", "weights", "shrink", "halve"),
    [
        (500.0, 0.0, "holds", "holds"),
        (780.0, 0.0, "holds", "fails"),
        (780.0, 400.0, "holds", "untested"),  # copies of weights in 16 bits: 200 of them
        (780.0, 200.0, "holds", "fails"),
        (1100.0, 400.0, "untested", "fails"),
        (1100.0, 100.0, "fails", "fails"),
        (300.0, 400.0, "holds", "fails"),
    ],
)
def test_copies_of_weights_are_no_activations(kept, weights, shrink, halve) -> None:
    records = [
        trained("fp32", activations=1000.0, parameters=weights),
        trained("bf16_autocast", activations=kept, parameters=weights),
    ]
    assert claims.activations_shrink.check(records).verdict == shrink
    assert claims.activations_halve.check(records).verdict == halve


def test_a_model_without_small_gradients_tells_nothing_of_scaling() -> None:
    def judged(scaled: float, unscaled: float) -> str:
        records = [
            trained("fp16_scaled", grad_lost_to_zero=scaled),
            trained("fp16_unscaled", grad_lost_to_zero=unscaled),
        ]
        return claims.unscaled_fp16_loses_gradients.check(records).verdict

    assert (judged(0.0, 0.0), judged(0.0, 0.1), judged(0.1, 0.1)) == ("untested", "holds", "fails")


def test_bf16_may_lose_what_float32_loses() -> None:
    def judged(own: float, plain: float) -> str:
        records = [
            trained("bf16_autocast", grad_lost_to_zero=own),
            trained("fp32", grad_lost_to_zero=plain),
        ]
        return claims.bf16_needs_no_scaling.check(records).verdict

    assert (judged(0.0, 0.0), judged(1e-6, 1e-6), judged(1e-3, 1e-6)) == ("holds", "holds", "fails")


def ended(policy: str, finals: list[float], gaps: list[float], **options: int) -> Record:
    case = Case(
        "precision", policy, "m", "GPTTraining", {"dim": 8}, pass_="train", options=dict(options)
    )
    found = Record(case, "ok")
    found.trajectories["final_loss"] = {seed: [final] for seed, final in enumerate(finals)}
    found.trajectories["loss_gap"] = {seed: [gap] for seed, gap in enumerate(gaps)}
    return found


@pytest.mark.parametrize(
    ("gaps", "verdict"),
    [
        ([0.001, -0.001, 0.002], "holds"),
        ([0.3, 0.31, 0.32], "fails"),  # seeds are 0.1 apart
        ([0.3, -0.3, 0.1], "untested"),  # three seeds cannot tell: that is no equivalence
        ([0.001], "untested"),
    ],
)
def test_no_difference_seen_is_not_the_same_as_equal(gaps: list[float], verdict: str) -> None:
    finals = [2.0, 2.1, 2.2]
    records = [
        ended("fp32", finals, [0.0] * 3),
        ended("bf16_autocast", [f + g for f, g in zip(finals, gaps, strict=False)], gaps),
    ]
    assert claims.mixed_precision_stays_within_seeds.check(records).verdict == verdict


def test_one_seed_of_float32_says_nothing_of_seeds() -> None:
    records = [ended("fp32", [2.0], [0.0]), ended("bf16_autocast", [2.0, 2.0], [0.0, 0.0])]
    assert claims.mixed_precision_stays_within_seeds.check(records).verdict == "untested"


def test_a_scale_that_is_made_to_climb_judges_no_scaling() -> None:
    climbing = ended("fp16_scaled", [9.0, 9.1], [7.0, 7.0], growth_interval=4)
    found = claims.scaled_fp16_keeps_the_loss.check([climbing])
    assert found.verdict == "untested"


def test_kahan_is_told_beside_master_weights() -> None:
    records = [
        ended("bf16_autocast", [1.0, 2.0], [0.0, 0.0]),
        ended("bf16_kahan", [1.03, 2.06], [0.0, 0.0]),
        ended("bf16_masters", [1.015, 2.03], [0.0, 0.0]),
    ]
    found = claims.kahan_recovers_pure_bf16.check(records)
    assert found.verdict == "fails"
    assert found.figures == ["GPT dim 8: +3 %", "master weights, GPT dim 8: +1.5 %"]
