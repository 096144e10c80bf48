"""What a page says of the profiler's own cost."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from bench.profiling.read import RankProfile
from reports.profiles.words import cost
from tests.profiling.made_traces import facts


@pytest.mark.parametrize(
    ("profiled_s", "expected"),
    [
        ([1.8e-4], "(+100%; medians of 2 and 1 steps in one process): shares here are of profiled"),
        ([8.1e-5], "(-10%; medians of 2 and 1 steps in one process): it costs less than steps"),
        ([9e-5], "(+0%; medians of 2 and 1 steps in one process): it costs less than steps"),
    ],
)
def test_a_step_is_no_faster_for_the_profiler(profiled_s: list[float], expected: str) -> None:
    own = SimpleNamespace(facts=facts(profiled_s=profiled_s))
    assert expected in cost(cast("RankProfile", own))
