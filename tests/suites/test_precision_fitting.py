"""The largest batch that fits: what the answer says of a run that asked for it."""

from __future__ import annotations

import pytest

from bench.cases.case import Case
from bench.judging.record import Record
from suites.precision import answers, fitting

WITHIN = 8_000_000_000


def seen(policy: str, rows: int, off: float = 1.0, outcome: str = "ok", **values: object) -> Record:
    asked = {"batch": 8, "dim": 8, "checkpointing": None, **values}
    case = Case("precision", policy, "m", "GPTTraining", asked, pass_="train", fit_bytes=WITHIN)
    found = {"fit_batch": rows, "fit_peak": 1e6 * rows, "fit_predicted": 1e6 * rows * off}
    return Record(case, outcome, values=found)


def test_policies_stand_by_their_batch_and_the_error_is_told() -> None:
    records = [seen("fp32", 100), seen("bf16", 170, off=1.02), seen("fp64", 50)]
    found = fitting.answer(records)
    assert found is not None
    assert found.sentence == (
        "GPT: in 8 GB fit batches of bf16 170, fp32 100, fp64 50; each took a step there, "
        "predicted within 2.0%."
    )
    assert found in answers.answers(records)


def test_other_sizes_and_what_failed_are_left_out() -> None:
    records = [
        seen("fp32", 100),
        seen("fp32", 7, dim=64),
        seen("fp16", 9, outcome="incorrect"),
        seen("bf16", 170),
    ]
    found = fitting.answer(records)
    assert found is not None
    assert "bf16 170, fp32 100; each" in found.sentence


def test_checkpointing_is_told_beside_float32() -> None:
    found = fitting.answer([seen("fp32", 100), seen("fp32", 400, checkpointing="full")])
    assert found is not None
    assert "fp32 100, fp32 with full checkpointing 400; each" in found.sentence


@pytest.mark.parametrize("policy", ["bf16", "fp32"])
def test_one_policy_alone_is_told(policy: str) -> None:
    found = fitting.answer([seen(policy, 3, checkpointing="full")])
    assert found is not None
    assert f"fit batches of {policy} 3;" in found.sentence


def test_nothing_is_said_where_it_was_not_asked() -> None:
    record = seen("fp32", 3)
    record.values.clear()
    assert fitting.answer([record]) is None
    assert fitting.answer([]) is None
