"""Contention is waiting for a core, not somebody else's use of another one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.state.load import Snapshot, between, snapshot


def test_shares_are_of_the_time_between() -> None:
    before = Snapshot(wall_s=10.0, busy_s=100.0, steal_s=1.0, own_s=3.0, waited_s=0.5)
    after = Snapshot(wall_s=12.0, busy_s=103.0, steal_s=1.0, own_s=5.0, waited_s=0.51)
    found = between(before, after)
    assert found.other_cores == 0.5
    assert found.stolen_share == 0.0
    assert abs(found.waited_share - 0.005) < 1e-12
    assert not found.contended


def test_stolen_time_is_contention() -> None:
    before = Snapshot(0.0, 0.0, 0.0, 0.0, 0.0)
    assert between(before, Snapshot(1.0, 1.0, 0.1 * (os.cpu_count() or 1), 1.0, 0.0)).contended


@pytest.mark.skipif(
    not Path("/proc/self/schedstat").exists(), reason="this kernel counts no run-queue delay"
)
def test_sharing_one_core_is_seen() -> None:
    """Spin on the core where another process spins: each waits for the other."""
    allowed = os.sched_getaffinity(0)
    core = min(allowed)
    os.sched_setaffinity(0, {core})
    other = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        time.sleep(0.3)
        before = snapshot()
        deadline = time.monotonic() + 1.0
        while time.monotonic() < deadline:
            pass
        found = between(before, snapshot())
    finally:
        other.kill()
        other.wait()
        os.sched_setaffinity(0, allowed)
    assert found.waited_share > 0.2
    assert found.contended
