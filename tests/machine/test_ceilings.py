"""Ceilings: best of rounds, the bound they set, and what is flagged for beating it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.cases.case import Attempt, Case, Measurement
from bench.checking.computing import computing, in_words
from bench.commands import calibrate
from bench.errors import UserError
from bench.judging.record import fold, fold_case
from bench.machine.ceilings import Bandwidth, Ceilings, ProductRate, Timer, bound_of
from bench.machine.ceilings.ask import ask, needed
from bench.machine.ceilings.probes import LARGEST_BYTES, NUM_SIZES, SMALLEST_BYTES, pass_sizes
from bench.machine.ceilings.roofline import LEAST_ERROR
from bench.machine.ceilings.rounds import Probe, best_of_rounds
from bench.machine.ceilings.timers import host_timer
from bench.sides.server import Server
from bench.store import read
from bench.system.terminal import Screen
from reports.ceilings import ceilings_in_words
from reports.page import facts
from reports.table import table
from tests.several_suites import several_suites

MIB = 1 << 20
GOLDEN = Path(__file__).parents[1] / "data" / "golden"

ONE = Ceilings(
    "cpu",
    1,
    [
        Bandwidth(1 * MIB, 100e9, 0.02, "copy"),
        Bandwidth(8 * MIB, 200e9, 0.03, "sum"),
        Bandwidth(64 * MIB, 40e9, 0.30, "add in place"),
    ],
    [
        ProductRate("float64", 50e9, 0.01, 384),
        ProductRate("float32", 100e9, 0.08, 384),
        ProductRate("bfloat16", 400e9, 0.02, 768),
        ProductRate("float16", 5e9, 0.02, 128),
    ],
    launch_s=2e-7,
    timers=[Timer("perf_counter", 5e-8, 4e-8)],
    rounds=5,
)
CASE = Case("s", "v", "m", "P", {"n": 1}, flops=10**9)


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


def test_more_bytes_never_have_a_higher_ceiling() -> None:
    rates = [ONE.bandwidth(size << 10).bytes_per_s for size in range(1, 200_000, 97)]  # type: ignore[union-attr]
    assert rates == sorted(rates, reverse=True)
    assert {rates[0], rates[-1]} == {200e9, 40e9}


def test_between_two_sizes_the_smaller_counts() -> None:
    assert ONE.bandwidth(63 * MIB) == ONE.bandwidths[1]
    assert ONE.bandwidth(64 * MIB) == ONE.bandwidths[2]
    assert ONE.bandwidth(1) == ONE.bandwidths[1]  # below the smallest: the best of all


def test_a_dtype_may_be_computed_in_a_more_precise_one_only() -> None:
    def rate(*dtypes: str) -> float:
        found = ONE.product_rate(dtypes)
        assert found
        return found.flops_per_s

    assert rate("float64") == 50e9
    assert rate("float32") == 100e9
    assert rate("float16") == 100e9  # widened: no such products here
    assert rate("bfloat16") == 400e9
    assert rate("float32", "bfloat16") == 400e9
    assert ONE.product_rate(["int8"]) is None


def test_the_bound_is_the_longer_of_work_and_traffic() -> None:
    compute = bound_of([ONE], CASE)
    assert compute
    assert (compute.bound_s, compute.limit, compute.error) == (0.01, "compute", 0.08)
    memory = bound_of([ONE], replace(CASE, bytes_moved=8 * 10**9))
    assert memory
    assert (memory.bound_s, memory.limit) == (0.2, "memory")
    chosen = bound_of([ONE], replace(CASE, computes_in=["float32", "bfloat16"]))
    assert chosen
    assert chosen.bound_s == 0.0025


def test_the_error_is_the_spread_of_rounds_and_wider_at_the_edge_of_a_cache() -> None:
    def error(moved: int) -> float:
        found = bound_of([ONE], replace(CASE, flops=None, bytes_moved=moved))
        assert found
        return found.error

    assert error(8 * MIB) == LEAST_ERROR  # the rounds lay closer together
    assert error(64 * MIB) == pytest.approx(200 / 40 - 1)  # a cache may have held more of it


def test_what_has_no_bound() -> None:
    assert bound_of([ONE], replace(CASE, flops=None)) is None
    assert bound_of([ONE], replace(CASE, flops=0)) is None
    assert bound_of([ONE], replace(CASE, ranks=2)) is None
    assert bound_of([ONE], replace(CASE, threads=2)) is None
    assert bound_of([ONE], replace(CASE, device="cuda:0")) is None
    assert bound_of([replace(ONE, disturbed=True)], CASE) is None
    assert bound_of([], CASE) is None


def test_a_bound_is_the_best_of_sessions_and_of_fewer_threads() -> None:
    slower = replace(ONE, products=[ProductRate("float32", 80e9, 0.0, 384)])
    found = bound_of([slower, ONE], CASE)
    assert found
    assert found.bound_s == 0.01
    two = replace(slower, threads=2)
    found = bound_of([ONE, two], replace(CASE, threads=2))
    assert found
    assert found.bound_s == 0.01  # who has two threads may use one


def test_ceilings_are_measured_for_every_number_of_threads_and_one() -> None:
    cases = [CASE, replace(CASE, threads=4), replace(CASE, threads=4, ranks=2)]
    assert needed(cases) == [("cpu", 1), ("cpu", 4)]
    on_gpu = [replace(case, device="cuda:0") for case in cases]
    assert needed(on_gpu) == [("cuda:0", 1)]


def test_a_gpu_is_bound_alike_at_any_number_of_threads() -> None:
    on_gpu = replace(ONE, device="cuda:0")
    for threads in (1, 8):
        found = bound_of([on_gpu], replace(CASE, device="cuda:0", threads=threads))
        assert found
        assert found.bound_s == 0.01


def timed(seconds: list[float], number: int = 0) -> Attempt:
    return Attempt(
        CASE.id, "time", 0, number, "ok", measurements=[Measurement("time", "s", seconds)]
    )


def test_a_time_beyond_the_calibrations_error_is_impossible() -> None:
    record = fold_case(CASE, [timed([0.02] * 3), timed([0.02, 0.001, 0.02], 1)], [ONE])
    assert record.flags == []  # one short sample is not the attempt's median
    assert record.roofline_share == pytest.approx(0.5)
    within = fold_case(CASE, [timed([0.01 / 1.07] * 3)], [ONE])
    assert within.flags == []
    assert within.ranked
    beyond = fold_case(CASE, [timed([0.02] * 3), timed([0.01 / 1.09] * 3, 1)], [ONE])
    assert beyond.flags == ["impossible"]
    assert beyond.outcome == "ok"
    assert not beyond.ranked
    assert "its FLOPs take at least 1e+04 µs" in beyond.detail


def test_without_ceilings_nothing_is_judged() -> None:
    record = fold_case(CASE, [timed([1e-9])])
    assert record.flags == []
    assert record.roofline_share is None


def test_a_flag_of_the_memory_role_bars_the_record() -> None:
    seen = Attempt(CASE.id, "memory", 0, 0, "ok", "nothing computes", flags=["impossible"])
    record = fold_case(CASE, [seen, timed([0.02] * 3)], [ONE])
    assert (record.flags, record.detail) == (["impossible"], "nothing computes")


def test_a_failed_case_has_no_share() -> None:
    failed = replace(timed([0.001]), outcome="incorrect", detail="wrong")
    record = fold_case(CASE, [failed], [ONE])
    assert (record.outcome, record.detail, record.flags) == ("incorrect", "wrong", [])
    assert record.roofline_share is None


@pytest.mark.parametrize(
    "names",
    [
        [],
        ["aten::clone", "aten::empty_like", "aten::copy_", "detach"],
        ["autograd::engine::evaluate_function: CloneBackward0", "CloneBackward0", "aten::copy_"],
        ["cudaMemcpyAsync", "Memcpy DtoD (Device -> Device)", "cuLaunchKernel"],
        ["void at::native::elementwise_kernel<128, direct_copy_kernel_cuda>"],
    ],
)
def test_moving_is_not_computing(names: list[str]) -> None:
    assert computing(names) == []


@pytest.mark.parametrize(
    "name",
    [
        "aten::mm",
        "aten::_scaled_dot_product_flash_attention_for_cpu",
        "Torch-Compiled Region: 0/0",
        "mylib::fused",
        "triton_poi_fused_mul_0",
        "a range of record_function",
    ],
)
def test_whatever_is_not_known_to_move_computes(name: str) -> None:
    assert computing(["aten::view", name, name]) == [name]


def test_a_kernel_outside_torch_counts_under_a_name_of_its_own() -> None:
    from torch.autograd.profiler import profile, record_function

    from bench.workers.roles.operators import names_in

    with profile() as profiler:
        pass
    assert computing(names_in(profiler)) == []
    with profile() as profiler, record_function("my kernel"):
        pass
    assert computing(names_in(profiler)) == ["my kernel"]


def test_names_are_told_shortly_and_without_hashes() -> None:
    assert in_words(["## Call CompiledFxGraph fabc123 ##", "aten::mm", "aten::mm"]) == (
        "CompiledFxGraph, aten::mm"
    )
    assert in_words([f"op{i}" for i in range(9)]).endswith("op5, …")


def test_the_report_shows_shares_and_ceilings(tmp_path: Path) -> None:
    run = several_suites(tmp_path)
    run.manifest = replace(
        run.manifest,
        cases=[replace(case, flops=10**8) for case in run.manifest.cases],
        sessions=[replace(run.manifest.sessions[0], ceilings=[ONE])],
    )
    run.save()
    again = replace(read(tmp_path), attempts=run.attempts)
    assert again.last_session.ceilings == [ONE]
    records = fold(again)
    rows = table(again, records).set_index("variant")
    assert rows.loc["heun", "roofline_limit"].unique().tolist() == ["compute"]
    share = 1e8 / 100e9 / rows.loc["heun", "time_s"]
    assert rows.loc["heun", "roofline_share"].tolist() == pytest.approx(share.tolist())
    assert rows.loc["ddp", "roofline_share"].isna().all()  # several ranks
    assert "1 thread: 40 GB/s from memory, 200 from cache" in facts(again, records)["ceilings"]
    assert "bfloat16 400 GFLOP/s" in ceilings_in_words(again)


def test_a_run_from_before_ceilings_reads_as_it_was() -> None:
    run = read(GOLDEN)
    assert run.last_session.ceilings == []
    assert ceilings_in_words(run) == ""
    assert table(run, fold(run))["roofline_share"].isna().all()


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
