"""Computing, exposed and hidden communication, idle: the parts of a made-up step of ranks."""

from __future__ import annotations

import pytest

from bench.profiling.intervals import Named, common, joined, length
from bench.profiling.overlap import overlap
from tests.profiling.made_traces import event, named, product, steps


def test_intervals() -> None:
    a = joined([(0, 2), (1, 3), (5, 6), (4, 4)])
    assert a == [(0, 3), (5, 6)]
    assert common(a, [(2, 5.5)]) == [(2, 3), (5, 5.5)]
    assert length(a) == 4


def test_named_intervals_may_nest() -> None:
    found = Named([("outer", (0, 10)), ("inner", (2, 4)), ("later", (20, 21))])
    assert [found.at(moment) for moment in (1, 3, 5, 15, 20)] == [
        "outer",
        "inner",
        "outer",
        "",
        "later",
    ]


def test_gloo_on_its_own_threads() -> None:
    plain = [
        named("step", 0, 100),
        product(0, 40),
        event("c10d::allreduce_", 40, 5),
        event("gloo:all_reduce", 30, 40, "user_annotation", tid=9),
        event("gloo:all_reduce", 35, 40, "user_annotation", tid=10),  # at the same time
    ]
    found = overlap(steps(plain, phases=[], ranks=2))
    assert found.step_s == pytest.approx(100e-6)
    assert found.compute_s == pytest.approx(40e-6)
    assert found.hidden_s == pytest.approx(10e-6)  # 30 to 40
    assert found.exposed_s == pytest.approx(35e-6)  # 40 to 75
    assert found.idle_s == pytest.approx(25e-6)


def test_nccl_among_kernels() -> None:
    plain = [
        named("step", 0, 200),
        event("sgemm", 20, 60, "kernel", tid=7),
        event("ncclDevKernel_AllReduce_Sum_f32_RING_LL", 50, 100, "kernel", tid=8),
    ]
    found = overlap(steps(plain, phases=[], ranks=2, device="cuda:0"))
    assert found.compute_s == pytest.approx(60e-6)
    assert found.hidden_s == pytest.approx(30e-6)
    assert found.exposed_s == pytest.approx(70e-6)
    assert found.idle_s == pytest.approx(70e-6)


def test_parts_add_up_over_several_steps() -> None:
    plain = [named("step", 0, 10), product(0, 4), named("step", 50, 30), product(60, 8)]
    found = overlap(steps(plain, phases=[], ranks=2))
    assert found.step_s == pytest.approx(20e-6)
    assert found.compute_s == pytest.approx(6e-6)
    assert found.compute_s + found.exposed_s + found.idle_s == pytest.approx(found.step_s)
