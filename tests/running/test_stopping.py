"""When rounds may stop, and what is spent on them, in sums that can be done by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from bench.cases.case import Case, Role
from bench.judging.statistics import Interval, unseen_mode_share
from bench.running import stopping
from bench.running.pace import Pace
from bench.running.stopping import EFFORTS, Effort, estimate_s, fit, narrow, reason

CASE = Case("suite", "one", "module", "Problem", {"n": 1}, quality_seeds=2)
ENDED = Case("suite", "ended", "module", "Problem", {"n": 1}, rounds=1)
BEGIN_S = 5.0  # of a CPU


class KnownPace(Pace):
    """A server takes 10 s, and an attempt of a role so many; one case is known to have ended."""

    beside = {"check": 1.0, "memory": 2.0, "quality": 4.0, "time": 8.0}  # noqa: RUF012

    def goes_on(self, case: Case) -> bool:
        return case.variant != "ended"

    def beside_s(self, case: Case, role: Role) -> float:
        return self.beside[role]

    @property
    def server_start_s(self) -> float:
        return 10.0


PACE = KnownPace(1.0)
EFFORT = Effort(0.5, (5, 7, 9))


def of_half_width(half: float) -> Interval:
    return Interval(1.0, math.exp(-half), math.exp(half), 5, 1)


def test_narrow_is_two_percent_either_way() -> None:
    assert narrow(of_half_width(0.0199))
    assert not narrow(of_half_width(0.0201))
    assert not narrow(Interval(1.0, None, None, 1, 1))
    assert not narrow(None)
    # 3 % from end to end is 1.5 % either way
    assert narrow(Interval(1.0, 1.0, math.exp(0.03), 5, 1))


def test_just_narrow_enough_is_narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    found = of_half_width(0.03)
    monkeypatch.setattr(stopping, "TARGET_HALF_WIDTH", found.half_width)
    assert narrow(found)


@pytest.mark.parametrize(
    ("preset", "shares"),
    [("smoke", [45]), ("quick", [45]), ("standard", [28, 18]), ("full", [28, 18])],
)
def test_the_mode_that_a_preset_may_miss(preset: str, shares: list[int]) -> None:
    """In per cent of the rounds, at every checkpoint: what docs and reports tell of them."""
    told = [round(100 * unseen_mode_share(n)) for n in EFFORTS[preset].checkpoints]
    assert told == shares


def test_why_rounds_ended() -> None:
    tight, loose = of_half_width(0.01), of_half_width(0.03)
    assert reason(5, tight, [5, 7, 9], "finished") == "narrow"
    assert reason(9, tight, [5, 7, 9], "finished") == "narrow"
    assert reason(6, tight, [5, 7, 9], "budget") == "budget"  # it happens to be narrow, unasked
    assert reason(6, tight, [5, 7, 9], "") == "interrupted"
    assert reason(9, loose, [5, 7, 9], "finished") == "rounds"
    assert reason(10, tight, [5, 7, 9], "budget") == "rounds"
    assert reason(8, loose, [5, 7, 9], "budget") == "budget"


def test_a_run_is_counted_by_its_last_checkpoint() -> None:
    """A server more than rounds; check, memory and two seeds; nine rounds of .5 s of sampling."""
    once_s = 1 + 2 + 2 * 4
    assert estimate_s([CASE], EFFORT, PACE) == BEGIN_S + 10 * 10 + once_s + 9 * (8 + 0.5)
    ended_s = 1  # its check
    assert estimate_s([CASE, ENDED], EFFORT, PACE) == (estimate_s([CASE], EFFORT, PACE) + ended_s)
    assert estimate_s([ENDED], EFFORT, PACE) == BEGIN_S + 2 * 10 + ended_s
    assert estimate_s([], EFFORT, PACE) == 10  # a server to ask


def test_a_case_of_several_shares_counts_as_often() -> None:
    longer = replace(CASE, shares=8)
    assert estimate_s([longer], EFFORT, PACE) == estimate_s([CASE], EFFORT, PACE) + 9 * 7 * 0.5
    both = [CASE, longer]
    left_s = fit(EFFORT, both, 200, PACE).share_s
    assert 0.05 < left_s < EFFORT.share_s
    shares = 5 * (1 + 8)
    fixed_s = estimate_s(both, Effort(0.0, (5,)), PACE)
    assert left_s == pytest.approx((0.9 * 200 - fixed_s) / shares)


@pytest.mark.parametrize(("share_s", "fitted_s"), [(0.3, 0.3), (0.7, 0.5), (0.01, 0.05)])
def test_a_share_is_what_the_first_checkpoint_leaves_of_nine_tenths(
    share_s: float, fitted_s: float
) -> None:
    fixed_s = BEGIN_S + 6 * 10 + (1 + 2 + 2 * 4) + 5 * 8
    found = fit(EFFORT, [CASE], (fixed_s + 5 * share_s) / 0.9, PACE)
    assert found.share_s == pytest.approx(fitted_s)
    assert found.checkpoints == (5, 7, 9)


def test_nothing_to_fit_is_left_as_it_is() -> None:
    assert fit(EFFORT, [CASE], None, PACE) == EFFORT
    assert fit(EFFORT, [ENDED], 1.0, PACE) == EFFORT
    assert fit(EFFORT, [CASE], 1.0, PACE).share_s == 0.05  # the least


def test_a_larger_preset_samples_for_no_less_time() -> None:
    shares = [EFFORTS[name].share_s for name in ("smoke", "quick", "standard", "full")]
    assert min(shares) > stopping.SHARE_MIN_S
    assert shares == sorted(shares)
