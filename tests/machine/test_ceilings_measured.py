"""How ceilings are measured: best of rounds, sizes, timers, and `bench calibrate`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.commands import calibrate
from bench.errors import UserError
from bench.machine.ceilings import bound_of
from bench.machine.ceilings.ask import ask
from bench.machine.ceilings.probes import LARGEST_BYTES, NUM_SIZES, SMALLEST_BYTES, pass_sizes
from bench.machine.ceilings.rounds import Probe, best_of_rounds
from bench.machine.ceilings.timers import host_timer
from bench.sides.server import Server
from bench.system.terminal import Screen
from tests.machine.known_ceilings import CASE, MIB, ONE


class FakeClock:
    """A probe's calls last what its durations say, sample by sample."""

    labels: dict[str, str] = {}  # noqa: RUF012
    overhead_s, single_calls = 1e-9, True

    def __init__(self) -> None:
        self.time_s = 0.0

    def now(self) -> float:
        return self.time_s

    def first(self, call: Callable[[Any], Any], inputs: Any) -> tuple[float, tuple[Any, ...]]:
        return 0.0, ()

    def sample(
        self, call: Callable[[Any], Any], batch: list[Any]
    ) -> tuple[dict[str, float], tuple[Any, ...]]:
        seconds = call(None)[0]
        self.time_s += seconds
        return {"time": seconds}, ()


def probe(log: list[str], kind: str, name: str, amount: float, durations: list[float]) -> Probe:
    """Return a probe whose calls take these seconds, the first one before any round."""
    left = [durations[0], *durations]

    def call(_: Any) -> tuple[float]:
        log.append(name)
        return (left.pop(0),)

    return Probe(kind, name, amount, call)


def test_the_best_of_rounds_that_interleave_all_probes() -> None:
    log: list[str] = []
    probes = [
        probe(log, "memory", "copy", 8.0, [4.0, 2.0, 8.0]),
        probe(log, "memory", "sum", 8.0, [1.0, 4.0, 4.0]),
        probe(log, "launch", "zero", 1.0, [0.5, 0.5, 0.5]),
    ]
    found = best_of_rounds(probes, FakeClock, num_rounds=3, slice_s=0.1)
    assert log[3:] == ["copy", "sum", "zero"] * 3
    assert found["memory"].rate == 8.0  # sum, in the first round
    assert found["memory"].probe.name == "sum"
    assert found["memory"].spread == pytest.approx(8.0 / 2.0 - 1)  # rounds' bests: 8, 4, 2
    assert (found["launch"].rate, found["launch"].spread) == (2.0, 0.0)


def test_a_slice_takes_as_many_calls_as_fit_and_keeps_the_shortest() -> None:
    log: list[str] = []
    only = probe(log, "memory", "copy", 1.0, [0.3, 0.2, 0.4, 0.2])
    found = best_of_rounds([only], FakeClock, num_rounds=1, slice_s=1.0)
    assert len(log) == 1 + 4
    assert found["memory"].rate == pytest.approx(5.0)


def test_rounds_that_drag_on_are_cut_short_after_two() -> None:
    shared = FakeClock()
    slow = probe([], "memory", "copy", 1.0, [2.0] * 5)
    found = best_of_rounds([slow], lambda: shared, num_rounds=5, slice_s=1.0, longest_s=3.0)
    assert found["memory"].num_rounds == 2
    shared = FakeClock()
    quick = probe([], "memory", "copy", 1.0, [0.5] * 10)
    found = best_of_rounds([quick], lambda: shared, num_rounds=5, slice_s=0.5, longest_s=3.0)
    assert found["memory"].num_rounds == 5


def test_sizes_go_from_a_private_cache_to_memory() -> None:
    sizes = pass_sizes(32 * MIB)
    assert len(sizes) == NUM_SIZES
    assert sizes[0] == SMALLEST_BYTES
    assert sizes[-1] == pytest.approx(4 * 32 * MIB, rel=1e-3)
    assert sizes == sorted(set(sizes))
    assert pass_sizes(1 << 40)[-1] == LARGEST_BYTES["cpu"]
    assert pass_sizes(50 * MIB, "cuda")[-1] >= 16 * 50 * MIB - 4096
    assert pass_sizes(1 << 40, "cuda")[-1] == LARGEST_BYTES["cuda"]
    assert pass_sizes(None)[-1] == 256 * MIB


def test_timers_tell_cost_and_step() -> None:
    ticks = iter(range(10**9))
    coarse = host_timer("coarse", lambda: next(ticks) // 4 * 100)
    assert coarse.overhead_s == 0.0  # most readings see no tick
    assert coarse.resolution_s == pytest.approx(100e-9)
    fine = host_timer("fine", lambda: next(ticks) * 50)
    assert fine.overhead_s == fine.resolution_s == pytest.approx(50e-9)


def test_calibrate_through_a_server(server: Server, tmp_path: Path) -> None:
    told: list[str] = []
    (found,) = ask(server, [("cpu", 1)], tmp_path / "log.txt", told.append)
    assert told == []
    assert [b.moved_bytes for b in found.bandwidths] == sorted(
        b.moved_bytes for b in found.bandwidths
    )
    assert len(found.bandwidths) == NUM_SIZES
    assert {"float32", "float64"} <= {p.dtype for p in found.products}
    assert all(b.bytes_per_s > 0 and b.spread >= 0 for b in found.bandwidths)
    assert all(p.flops_per_s > 0 and p.spread >= 0 for p in found.products)
    assert found.launch_s > 0
    assert {t.clock for t in found.timers} == {"perf_counter", "thread_time"}
    assert bound_of([found], CASE)


def test_a_device_that_is_not_there_is_told(server: Server, tmp_path: Path) -> None:
    told: list[str] = []
    assert ask(server, [("cuda:99", 1)], tmp_path / "log.txt", told.append) == []
    assert "the ceilings of cuda:99 with 1 thread could not be measured" in told[0]


def test_calibrate_prints_units() -> None:
    console = Screen(width=100, record=True)
    console.print(calibrate._table([ONE, replace(ONE, threads=2, disturbed=True)]))
    text = console.export_text()
    assert "moving 64 MiB" in text
    assert "40.0 GB/s  30%" in text
    assert "bfloat16 products" in text
    assert "2 threads, disturbed" in text
    assert "GiB" not in text


def test_calibrate_refuses_threads_that_are_none() -> None:
    assert calibrate._threads("4,1,4") == [1, 4]
    for text in ("0", "two", "1,,2"):
        with pytest.raises(UserError, match="expected whole numbers of at least 1"):
            calibrate._threads(text)
