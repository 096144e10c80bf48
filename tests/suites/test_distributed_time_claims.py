"""Claims on the time of a step, judged on made-up records of known times."""

from __future__ import annotations

import pytest

from bench.judging.claim import claims_of
from bench.judging.record import Record
from suites.distributed import claims
from tests.suites.timed_by_ranks import timed
from tests.suites.trained_by_ranks import verdicts

DDP = timed("ddp", 1.0, batch=8)
EARLY = "stages_1_and_2_take_no_longer_than_replicas"
SHARDED = "stage_3_takes_at_most_half_more"
AGAIN = "gathering_again_for_backward_costs_time"
SCALES = "replicas_scale_near_linearly"
HIDES = "replicas_hide_communication_behind_backward"


def figures(name: str, *records: Record) -> str:
    (found,) = [c.check(records) for c in claims_of(claims) if c.name == name]
    return "; ".join(found.figures)


def test_without_times_all_is_untested() -> None:
    found = verdicts()
    assert {found[name] for name in (EARLY, SHARDED, AGAIN, SCALES, HIDES)} == {"untested"}


@pytest.mark.parametrize(
    ("variant", "time_s", "name", "verdict"),
    [
        ("zero1", 1.05, EARLY, "holds"),
        ("zero2", 1.3, EARLY, "fails"),
        ("zero1", 1.1, EARLY, "untested"),
        ("zero3", 1.6, SHARDED, "holds"),
        ("fsdp2", 1.8, SHARDED, "fails"),
        ("zero3", 1.05, EARLY, "untested"),  # of another stage
    ],
)
def test_stages_are_held_to_what_they_move(variant, time_s, name, verdict) -> None:
    assert verdicts(DDP, timed(variant, time_s, batch=8))[name] == verdict


def test_what_moves_less_than_its_stage_is_no_case_of_it() -> None:
    kept = timed("fsdp2_no_reshard", 9.0, batch=8, moves=2)
    assert verdicts(DDP, kept)[SHARDED] == "untested"
    assert verdicts(DDP, timed("fsdp2", 9.0, batch=8, flags=["contended"]))[SHARDED] == "untested"


@pytest.mark.parametrize(
    ("again_s", "noise", "verdict"),
    [(1.2, 1.0, "holds"), (0.9, 1.0, "fails"), (1.0, 1.0, "untested"), (1.2, 2.0, "untested")],
)
def test_resharding_costs_what_keeping_saves(again_s, noise, verdict) -> None:
    kept = timed("fsdp2_no_reshard", 1.0, moves=2)
    again = timed("fsdp2", again_s, noise=noise)
    assert verdicts(again, kept)[AGAIN] == verdict
    if again_s == 1.2 and noise == 1.0:
        assert "1.20×" in figures(AGAIN, again, kept)
        assert "17% (" in figures(AGAIN, again, kept)
        assert "of a step is resharding's" in figures(AGAIN, again, kept)


@pytest.mark.parametrize(("part_s", "verdict"), [(0.95, "holds"), (0.7, "fails")])
def test_replicas_scale_by_the_work_of_a_rank(part_s: float, verdict: str) -> None:
    part = timed("single", part_s, 1, batch=4)
    assert verdicts(DDP, part)[SCALES] == verdict
    whole = timed("single", 1.8, 1, batch=8)
    assert verdicts(DDP, whole)[SCALES] == "untested"
    assert "at equal total work" in figures(SCALES, DDP, part, whole)


@pytest.mark.parametrize(("waits", "verdict"), [((0.1, 0.2), "holds"), ((0.3, 0.2), "fails")])
def test_replicas_hide_what_they_do_not_wait_for(waits, verdict) -> None:
    assert verdicts(timed("ddp", 1.0, waits=waits))[HIDES] == verdict
    assert verdicts(timed("zero3", 1.0, waits=waits))[HIDES] == "untested"
