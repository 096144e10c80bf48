"""Columns of what a step costs: on made-up times they come out as they were made."""

from __future__ import annotations

import pytest

from bench.judging.record import Record
from suites.distributed import answers, costs
from suites.distributed.pairs import hidden
from tests.suites.timed_by_ranks import timed


def told(records: list[Record], of: Record) -> dict[str, float]:
    return {k: v[of.case.id] for k, v in answers.columns(records).items() if of.case.id in v}


@pytest.mark.parametrize("ranks", [2, 4])
def test_efficiencies_are_of_equal_work_in_all_and_a_rank(ranks: int) -> None:
    whole, part = timed("single", 1.0, 1, batch=8), timed("single", 0.3, 1, batch=8 // ranks)
    shared = timed("ddp", 0.4, ranks, batch=8)
    found = told([whole, part, shared], shared)
    assert found["strong_efficiency"] == pytest.approx(1.0 / (ranks * 0.4), rel=0.01)
    assert found["weak_efficiency"] == pytest.approx(0.3 / 0.4, rel=0.01)
    for name in ("strong_efficiency", "weak_efficiency"):
        assert found[f"{name}_low"] < found[name] < found[f"{name}_high"]
    assert told([whole, shared], shared).keys().isdisjoint({"weak_efficiency"})


@pytest.mark.parametrize(
    "other",
    [
        timed("single", 1.0, 1, batch=8, threads=2),
        timed("single", 1.0, 1, batch=8, flags=["contended"]),
        timed("single", 1.0, 1, batch=8, options={"checkpointing": "full"}),
        timed("single", 1.0, 1, batch=8, dim=64),
        timed("single", 1.0, 1, batch=8, precision="bf16_mixed"),
        timed("single", 1.0, 1, batch=6),
    ],
)
def test_what_is_not_the_same_work_is_no_measure(other: Record) -> None:
    shared = timed("ddp", 0.4, batch=8)
    assert not told([other, shared], shared)


def test_a_flagged_time_has_no_factor() -> None:
    records = [timed("ddp", 0.4, flags=["oversubscribed"]), timed("fsdp2", 0.5)]
    assert not told(records, records[0])
    assert not told(records, records[1])


def test_costs_are_factors_of_ddps_time_at_the_same_question() -> None:
    records = [timed("ddp", 0.4), timed("zero3", 1.0), timed("ddp", 9.0, ranks=4)]
    records += [timed("ddp", 7.0, options={"hook": "fp16"})]
    assert told(records, records[1])["over_ddp"] == pytest.approx(2.5, rel=0.01)
    assert "over_ddp" not in told(records, records[0])
    assert told(records, records[3])["over_ddp"] == pytest.approx(17.5, rel=0.01)


def test_the_share_of_resharding_is_what_keeping_saves() -> None:
    again, kept = timed("fsdp2", 0.5), timed("fsdp2_no_reshard", 0.4, moves=2)
    found = told([again, kept], again)
    assert found["resharding_share"] == pytest.approx(0.2, abs=0.01)
    assert found["resharding_share_low"] < 0.2 < found["resharding_share_high"]
    assert "resharding_share" not in told([again, kept], kept)


@pytest.mark.parametrize(
    ("waits", "expected"), [((0.1, 0.4), 0.75), ((0.4, 0.4), 0.0), ((0.8, 0.4), -1.0)]
)
def test_what_is_hidden_is_what_is_not_waited_for(waits, expected) -> None:
    record = timed("ddp", 0.4, waits=waits)
    found = hidden(record)
    assert found is not None
    assert found.estimate == pytest.approx(expected)
    columns = told([record], record)
    assert columns["hidden_share"] == pytest.approx(max(expected, 0.0))
    assert columns["exposed_share"] == pytest.approx(waits[0], rel=0.01)


def test_nothing_was_sent_where_nothing_is_hidden() -> None:
    assert hidden(timed("ddp", 0.4, waits=(0.1, 0.0))) is None
    assert hidden(timed("ddp", 0.4)) is None
    assert costs.columns([]) == {}
