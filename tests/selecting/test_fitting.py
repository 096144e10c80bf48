"""Which cases are asked for the largest batch that fits."""

from __future__ import annotations

import pytest

from bench.cases.case import Case
from bench.errors import UserError
from bench.selecting.fitting import asked_to_fit


def case(variant: str = "v", ranks: int = 1, **values: object) -> Case:
    return Case("s", variant, "m", "P", values, ranks=ranks)  # type: ignore[arg-type]


def test_of_batches_of_the_same_question_the_smallest_is_asked() -> None:
    cases = [case(batch=8, n=1), case(batch=2, n=1), case(batch=4, n=2), case("w", batch=8, n=1)]
    assert [c.fit_bytes for c in asked_to_fit(cases, 9)] == [None, 9, 9, 9]


def test_no_order_and_no_case_is_lost() -> None:
    cases = [case(n=1), case(batch=8), case(batch=8, ranks=2), case(batch="all")]
    asked = asked_to_fit(cases, 9)
    assert [c.id for c in asked] == [c.id for c in cases]
    assert [c.fit_bytes for c in asked] == [None, 9, None, None]


@pytest.mark.parametrize("cases", [[case(n=1)], [case(batch=8, ranks=2)], [case(batch=True)]])
def test_where_nothing_has_a_batch_one_line_says_so(cases: list[Case]) -> None:
    with pytest.raises(UserError, match=r"--fit: expected .* none of 1 case has one"):
        asked_to_fit(cases, 9)
