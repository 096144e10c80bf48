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
