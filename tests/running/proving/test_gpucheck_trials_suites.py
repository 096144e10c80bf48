"""Which case of a suite `bench gpucheck` runs, and how it judges its row."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bench.cases.case import Case
from bench.cases.keywords import chooser
from bench.judging.record import Record
from bench.running.proving.gpucheck.finding import Failed, word_of
from bench.running.proving.gpucheck.trials import suites
from tests.running.proving.known_board import failed


def sdpa(variant: str, n: int, **changed: Any) -> Case:
    case = Case("s", variant, f"suites.s.{variant}", "P", {"n": n}, device="cuda:0", flops=n)
    return replace(case, **changed)


def test_the_least_work_of_every_variant_the_least_first() -> None:
    listed = [
        sdpa("a", 4096),
        sdpa("b", 1024),
        sdpa("a", 2048),
        sdpa("broken", 1, problem=""),
        sdpa("ranks", 1, ranks=2),
        sdpa("untimed", 1, rounds=0),
        sdpa("c", 512, flops=None, bytes_moved=1500),
    ]
    found = suites.smallest_of_each(listed)
    assert [(case.variant, case.values["n"]) for case in found] == [
        ("b", 1024),
        ("c", 512),
        ("a", 2048),
    ]


def test_a_case_is_asked_for_by_its_id_alone() -> None:
    listed = [sdpa("a", 128), sdpa("a", 1280), sdpa("ab", 128), sdpa("a", 128, dtype="bfloat16")]
    for case in listed:
        keyword = suites.keyword_of(case, listed)
        assert [other for other in listed if chooser(keyword)(other.id)] == [case]
        assert keyword in suites.words_for("s", listed, case)
    optional = sdpa("a", 128, options={"block": 64})
    assert chooser(suites.keyword_of(optional, listed))(optional.id)


def test_a_row_of_a_suite() -> None:
    good = Record(sdpa("a", 1), "ok", samples={"time": {(0, 0): [[1e-3]]}}, units={"time": "s"})
    assert word_of(suites.figures(good)) == "passed"
    assert failed(suites.figures(replace(good, flags=["impossible"]))) == ["flagged impossible"]
    with pytest.raises(Failed, match=r"s/a/.*: error: why"):
        suites.figures(replace(good, outcome="error", detail="why"))
