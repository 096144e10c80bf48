"""What a policy risks, told from the workload that is made to tell policies apart."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bench.cases.case import Case
from bench.judging.record import Record
from suites.precision import answers, risk

SEEDS = 5


def ended(
    variant: str, beyond: float | None, problem: str = "FineTuning", **options: int
) -> Record:
    """Return a record whose loss ends so far beyond float32's, which varies over seeds tenfold."""
    case = Case("precision", variant, "m", problem, {"width": 8}, pass_="train", options=options)
    found = Record(case, "ok")
    if beyond is None:
        found.trajectories["diverged_at_step"] = {0: [3.0]}
        return found
    for seed in range(SEEDS):
        exact = 10.0**seed
        found.trajectories.setdefault("loss_gap", {})[seed] = [beyond * exact]
        found.trajectories.setdefault("final_loss", {})[seed] = [(1 + beyond) * exact]
    return found


EXACT = ended("fp32", 0.0)


def said(others: Sequence[Record]) -> str:
    found = risk.answer(EXACT, others)
    assert found is not None
    return found.sentence


def test_safe_behind_and_diverged_are_told_apart() -> None:
    sentence = said(
        [
            ended("fp16_pure", None),
            ended("bf16_pure", 5.4),
            ended("bf16_autocast", 0.16),
            ended("fp16_scaled", 0.004),
        ]
    )
    assert sentence == (
        "The risk, where steps and gradients are small (FineTuning, 5 seeds): fp16_scaled keeps "
        "float32's loss within 1 %; behind end bf16_autocast +16 %, bf16_pure at 6.4 times "
        "float32's; fp16_pure diverges."
    )


@pytest.mark.parametrize("beyond", [0.0, 0.009, -0.009])
def test_within_1_percent_is_safe(beyond: float) -> None:
    assert "x keeps float32's loss" in said([ended("x", beyond)])


def test_twins_are_named_with_their_options() -> None:
    sentence = said([ended("x", 0.0), ended("x", 0.5, growth_interval=4)])
    assert "x keeps" in sentence
    assert "x[growth_interval=4] +50 %" in sentence


def test_without_a_trajectory_there_is_no_risk_to_tell() -> None:
    untrained = Record(ended("x", 0.0).case, "ok")
    assert risk.answer(EXACT, [untrained]) is None


def test_what_is_to_be_taken_is_told_with_its_risk() -> None:
    usual, other = ended("a", 0.0, "GPTTraining"), ended("b", 0.0, "GPTTraining")
    assert risk.told([usual], [ended("a", 0.16)]).endswith("small a ends +16 %")
    assert risk.told([usual, other], [ended("b", 0.0)]).endswith("small b keeps it too")
    assert risk.told([usual], [ended("a", 0.16, growth_interval=4)]) == ""
    assert risk.told([usual], []) == ""


def test_the_risk_comes_last_and_usual_workloads_first() -> None:
    records = [
        EXACT,
        ended("x", 0.5),
        ended("fp32", 0.0, "GPTTraining"),
        ended("x", 0.0, "GPTTraining"),
    ]
    found = [answer.sentence for answer in answers.answers(records)]
    assert len(found) == 2
    assert found[0].startswith("GPT: no policy was timed")
    assert found[1].startswith("The risk, ")
