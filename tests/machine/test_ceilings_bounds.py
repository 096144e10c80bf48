"""The bound that ceilings set a case."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.machine.ceilings import ProductRate, bound_of
from bench.machine.ceilings.ask import needed
from bench.machine.ceilings.roofline import LEAST_ERROR
from tests.machine.known_ceilings import CASE, MIB, ONE


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
