"""The largest batch that fits, from two that were asked."""

from __future__ import annotations

import pytest

from bench.cases.case import Case
from bench.judging.record import Record
from suites.precision import answers, fitting

REST, GIB = 3e6, 2**30


def peak(policy: str, batch: int, row: float, off: float = 1.0, **options: int) -> Record:
    values = {"batch": batch, "dim": 8, "num_steps": batch}
    case = Case("precision", policy, "m", "GPTTraining", values, pass_="train", options=options)
    return Record(case, "ok", values={"peak": (REST + row * batch) * off})


@pytest.mark.parametrize("batches", [(4, 8), (8, 4), (1, 100), (4, 8, 64)])
@pytest.mark.parametrize("row", [1e4, 3e7])
def test_two_batches_give_the_line(batches: tuple[int, ...], row: float) -> None:
    (line,) = fitting.lines([peak("fp32", batch, row) for batch in batches])
    assert (line.row_bytes, line.rest_bytes) == pytest.approx((row, REST))
    most = line.largest(8 * GIB)
    assert REST + row * most <= 8 * GIB + 1 < REST + row * (most + 1) + 2


def test_larger_batches_confirm_and_an_error_is_told() -> None:
    records = [peak("fp32", 4, 1e6), peak("fp32", 8, 1e6), peak("fp32", 64, 1e6, off=1.25)]
    (line,) = fitting.lines(records)
    assert line.worst == pytest.approx(0.2)
    found = fitting.answer(records)
    assert found is not None
    assert found.sentence == (
        "GPT: in 8 GiB fit batches of fp32 8586, predicted from batches of 4 and 8; larger ones "
        "are predicted within 20.0%."
    )
    columns = answers.columns(records)
    assert set(columns["peak_predicted_bytes"]) == {records[2].case.id}
    assert len(columns["peak_row_bytes"]) == 3


def test_policies_and_options_are_told_apart() -> None:
    records = [peak("x", batch, 1e6 * (1 + (k or 0)), **({"k": k} if k else {}))
               for k in (None, 1) for batch in (1, 2)]  # fmt: skip
    found = fitting.answer(records)
    assert found is not None
    assert "x 8586, x[k=1] 4293" in found.sentence


@pytest.mark.parametrize("batches", [(), (4,), (4, 4)])
def test_one_batch_predicts_nothing(batches: tuple[int, ...]) -> None:
    records = [peak("fp32", batch, 1e6) for batch in batches]
    assert fitting.answer(records) is None
    assert fitting.columns(records) == {}


def test_what_does_not_grow_predicts_nothing() -> None:
    assert fitting.lines([peak("fp32", batch, 0.0) for batch in (4, 8)]) == []
