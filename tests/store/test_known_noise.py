"""What is known of a machine's noise: which recordings it speaks of, on which clock."""

from __future__ import annotations

import pytest

from bench.store.known_noise import KindNoise, Noise
from bench.store.spread import Spread

WALL, THREAD = Spread(0.1, 8), Spread(0.02, 8)
KNOWN = Noise(
    2, 1, 60.0, {"compute": KindNoise("thread_time", {}, {"time": WALL, "thread_time": THREAD})}
)
DAY_S = 24 * 60 * 60.0


@pytest.mark.parametrize(
    ("reach_s", "gap_s", "covered"),
    [
        (60.0, 59.0, True),
        (60.0, 60.0, True),
        (60.0, 61.0, False),
        (DAY_S, 9 * DAY_S, True),  # days are alike however far apart
        (DAY_S - 0.5, 9 * DAY_S, False),
    ],
)
def test_recordings_as_near_as_what_was_learned_from_are_covered(
    reach_s: float, gap_s: float, covered: bool
) -> None:
    assert Noise(reach_s=reach_s).covers(gap_s) == covered


def test_where_nothing_was_learned_nothing_is_covered() -> None:
    nothing = Noise()
    assert (nothing.num_sessions, nothing.num_selftests) == (0, 0)
    assert nothing.covers(0.0)
    assert not nothing.covers(0.5)
    assert nothing.judged("compute") == "time"
    assert nothing.session_spread("compute") is None
    assert Noise.of({}) is None


def test_a_spread_is_the_judged_clocks_or_the_one_that_is_asked_for() -> None:
    assert KNOWN.judged("compute") == "thread_time"
    assert KNOWN.session_spread("compute") == THREAD
    assert KNOWN.session_spread("compute", "time") == WALL
    assert KNOWN.session_spread("compute", "device_time") is None
    assert (KNOWN.judged("memory"), KNOWN.session_spread("memory")) == ("time", None)


def test_what_a_run_stores_of_it_is_what_is_read() -> None:
    assert Noise.of(KNOWN.plain()) == KNOWN
