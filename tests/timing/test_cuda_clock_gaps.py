"""The CUDA clock on a simulated GPU: launch gaps and flushes stay out of samples."""

from __future__ import annotations

import pytest

from bench.machine.ceilings import timers
from bench.machine.ceilings.rounds import Probe, best_of_rounds
from bench.timing.clocks import cuda
from tests.timing.simulated_gpu import CALL_S, L2_BYTES, QUEUE_LENGTH, Device, sample, step_of


def test_a_kernel_shorter_than_its_launch_is_timed_without_launch_gaps(device: Device) -> None:
    times, clock = sample(device, step_of(device, kernel_s=2e-6, host_s=10e-6))
    assert times["time"] == pytest.approx(2e-6, rel=0.05)
    assert times["enqueue_time"] == pytest.approx(10e-6, rel=0.05)
    assert clock.labels["bound"] == "launch"


def test_a_long_kernel_is_device_bound(device: Device) -> None:
    times, clock = sample(device, step_of(device, kernel_s=3e-3, host_s=10e-6))
    assert times["time"] == pytest.approx(3e-3, rel=0.01)
    assert clock.labels["bound"] == "device"
    assert clock.labels["clock"] == "CUDA events"


def test_a_slow_launch_does_not_leak_into_the_first_samples(device: Device) -> None:
    clock = cuda.CudaClock("cuda:0", "warm", 0)
    call = step_of(device, kernel_s=5e-6, host_s=4e-3)
    clock.first(call, None)
    first, _ = clock.sample(call, [None] * 3)
    assert first["time"] == pytest.approx(5e-6, rel=0.05)


def test_cold_samples_are_flushed_outside_the_events(device: Device) -> None:
    call = step_of(device, kernel_s=20e-6, host_s=5e-6)
    times, clock = sample(device, call, cache="cold", calls=1)
    assert device.num_flushes == 20
    assert times["time"] == pytest.approx(20e-6, rel=0.1)
    assert clock.single_calls
    assert int(clock.labels["flushed_bytes"]) == 2 * L2_BYTES


def test_warm_samples_are_not_flushed(device: Device) -> None:
    _, clock = sample(device, step_of(device, 20e-6, 5e-6))
    assert device.num_flushes == 0
    assert clock.labels["flushed_bytes"] == "0"


def test_a_clock_that_speeds_up_does_not_let_launch_gaps_in(device: Device) -> None:
    """The spin is counted in cycles: a device that boosts outruns it, and that must show."""
    clock = cuda.CudaClock("cuda:0", "warm", 0)
    call = step_of(device, kernel_s=30e-6, host_s=40e-6)
    clock.first(call, None)
    device.cycles_per_s *= 6
    for _ in range(20):
        times, _ = clock.sample(call, [None] * 50)
        assert times["time"] == pytest.approx(30e-6, rel=0.05)
    assert clock.labels["host_ahead"] == "yes"


def test_a_full_launch_queue_shortens_the_batch(device: Device) -> None:
    clock = cuda.CudaClock("cuda:0", "warm", 0)
    call = step_of(device, kernel_s=24e-6, host_s=32e-6, kernels=8)
    clock.first(call, None)
    before = device.host_s
    for _ in range(20):
        times, _ = clock.sample(call, [None] * 209)
        assert times["time"] == pytest.approx(24e-6, rel=0.05)
    assert times["enqueue_time"] == pytest.approx(32e-6, rel=0.5)
    assert device.host_s - before < 2.0  # no runaway of ever longer spins


@pytest.mark.parametrize("length", [128, 1022, QUEUE_LENGTH])
@pytest.mark.parametrize("kernels", [1, 3, 8, 50])
def test_calls_of_several_kernels_meet_the_queues_edge_anywhere(
    device: Device, length: int, kernels: int
) -> None:
    """A call may begin before the edge and end behind it; how far it lies is not known before."""
    device.queue_length = length
    clock = cuda.CudaClock("cuda:0", "warm", 0)
    call = step_of(device, kernel_s=3e-6 * kernels, host_s=4e-6 * kernels, kernels=kernels)
    clock.first(call, None)
    for calls in range(length // kernels - 3, length // kernels + 2):
        times, _ = clock.sample(call, [None] * max(calls, 1))
        assert times["time"] == pytest.approx(3e-6 * kernels, rel=0.05)
        assert clock.labels["host_ahead"] == "yes"
    assert clock.labels["bound"] == "launch"


@pytest.mark.parametrize("kernels", [QUEUE_LENGTH - 3, QUEUE_LENGTH, QUEUE_LENGTH + 1])
def test_at_the_edge_of_the_launch_queue_no_gap_gets_in(device: Device, kernels: int) -> None:
    clock = cuda.CudaClock("cuda:0", "warm", 0)
    call = step_of(device, kernel_s=3e-6, host_s=4e-6)
    clock.first(call, None)
    clock.sample(call, [None])
    before = len(device.spins)
    times, _ = clock.sample(call, [None] * kernels)
    assert times["time"] == pytest.approx(3e-6, rel=0.05)
    assert clock.labels["host_ahead"] == "yes"
    assert len(device.spins) - before <= 4  # a full queue is halved at once


def test_ceilings_leave_launch_gaps_out(device: Device) -> None:
    """A pass that its launch outlasts still shows the device's own rate."""
    probes = [
        Probe("memory", "copy", 3e6, step_of(device, kernel_s=2e-6, host_s=10e-6)),
        Probe("launch", "empty kernel", 1.0, step_of(device, kernel_s=1e-6, host_s=5e-6)),
    ]
    found = best_of_rounds(probes, lambda: cuda.CudaClock("cuda:0", "warm", 0), num_rounds=3)
    assert found["memory"].rate == pytest.approx(1.5e12, rel=0.05)
    assert 1 / found["launch"].rate == pytest.approx(1e-6, rel=0.05)


def test_events_back_to_back_tell_their_step(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timers, "torch", cuda.torch)
    found = timers._events("cuda:0")
    assert found.clock == "CUDA events"
    assert found.overhead_s == found.resolution_s == pytest.approx(CALL_S)
