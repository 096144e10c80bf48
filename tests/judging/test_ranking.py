"""Times by different clocks are never ranked with each other, and that is said."""

from __future__ import annotations

from pathlib import Path

from bench.judging.ranking import rankings, timed_apart
from bench.judging.record import fold
from reports.answers import ranked_with_none
from reports.fastest import families
from tests.made_runs import Made, make

EVENTS, WALL = {"clock": "CUDA events"}, {"clock": "host clock around synchronise"}
FAST, SLOW = Made("fast", 1e-3, labels=EVENTS), Made("slow", 2e-3, labels=EVENTS)
WAITS, WAITS_TOO = Made("waits", 1e-4, labels=WALL), Made("waits_too", 5e-3, labels=WALL)


def test_one_that_waits_wins_against_none_and_is_named(tmp_path: Path) -> None:
    records = fold(make(tmp_path / "run", [FAST, SLOW, WAITS]))
    (ranking,) = rankings(records)
    assert ranking.fastest.case.variant == "fast"
    assert [rival.record.case.variant for rival in ranking.rivals] == ["slow"]
    assert [record.case.variant for record in timed_apart(records)] == ["waits"]
    assert ranked_with_none(records) == "Ranked with none, timed by another clock: waits."


def test_several_that_wait_are_ranked_among_themselves_under_their_clock(tmp_path: Path) -> None:
    records = fold(make(tmp_path / "run", [FAST, SLOW, WAITS, WAITS_TOO]))
    assert [r.fastest.case.variant for r in rankings(records)] == ["fast", "waits"]
    assert timed_apart(records) == []
    titles = [family.title for family in families(records)]
    assert len(titles) == 2
    assert "by CUDA events" in titles[0]
    assert "by host clock around synchronise" in titles[1]


def test_one_clock_goes_without_saying(tmp_path: Path) -> None:
    records = fold(make(tmp_path / "run", [FAST, SLOW]))
    (family,) = families(records)
    assert "by CUDA events" not in family.title
    assert ranked_with_none(records) == ""
