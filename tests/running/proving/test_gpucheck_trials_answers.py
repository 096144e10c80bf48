"""Answers that are known, which the trials of `bench gpucheck` ask of a CPU as of a card."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.running.proving.gpucheck.asked import (
    case_of,
    checked,
    over_ranks,
    role,
    samples_of,
    timed,
)
from bench.running.proving.gpucheck.finding import Failed, Skipped
from bench.running.proving.gpucheck.trial import Here
from bench.running.proving.gpucheck.trials import float32, ranks
from bench.sides.server import Server
from tests.running.proving.known_board import failed


@pytest.fixture
def here(tmp_path: Path) -> Here:
    return Here("cpu", tmp_path)


def test_known_peaks_are_what_the_memory_role_says(here: Here, server: Server) -> None:
    case = case_of("through_a_copy", "Doubled", "cpu", n=1 << 16)
    (peak,) = samples_of(role(here, server, case, "memory"), "peak") or [0.0]
    assert peak == 3 * 4 * (1 << 16)
    squared = case_of("product", "Squared", "cpu", n=64)
    (peak,) = samples_of(role(here, server, squared, "memory"), "peak") or [0.0]
    assert peak == 2 * 4 * 64**2


@pytest.mark.parametrize("variant", ["waits", "never_waits"])
def test_known_steps_are_right_and_can_be_timed(here: Here, server: Server, variant: str) -> None:
    case = case_of(variant, "Doubled", "cpu", n=1 << 10)
    reply = timed(here, server, case, checked(here, server, case), 0.05)
    assert samples_of(reply, "time")
    assert samples_of(reply, "energy of nothing") is None


def test_a_worker_answers_a_call_and_its_exception_is_an_outcome(
    here: Here, server: Server
) -> None:
    found = here.call(server, "float32:errors", 60.0, device="cpu")
    assert set(found["ieee"]) == set(found["tf32"]) == {"convolution", "product", "recurrence"}
    assert failed(float32.figures(found["ieee"], found["tf32"], tuple(found["capability"]))) == []
    with pytest.raises(Failed, match="error: "):
        here.call(server, "clock:lengths", 60.0, device="cpu")
    with pytest.raises(Skipped, match="triton cannot be imported"):
        here.call(server, "do_bench:compared", 60.0, device="cpu")


@pytest.mark.multirank
@pytest.mark.slow
def test_known_ranks_sum(here: Here, server: Server) -> None:
    case = over_ranks(case_of("all_reduce", "Summed", "cpu", n=1 << 10), 2)
    reply = timed(here, server, case, checked(here, server, case), 0.1)
    assert failed(ranks.figures(samples_of(reply, "time") or [])) == []
