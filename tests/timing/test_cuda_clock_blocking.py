"""The CUDA clock on a simulated GPU: steps that wait for the device are found out."""

from __future__ import annotations

import itertools

import pytest

from bench.cases.flags import LAUNCH_GAPS
from bench.timing.clocks import cuda, cuda_wall
from bench.workers.roles.time import _gaps
from tests.timing.simulated_gpu import CYCLES_PER_S, Device, Ramping, sample, step_of


def test_a_step_that_synchronises_is_found_out(device: Device) -> None:
    times, clock = sample(device, step_of(device, 1e-3, 10e-6, waits=True))
    assert clock.labels["bound"] == "blocking"
    assert clock.labels["clock"] == "host clock around synchronise"
    assert "enqueue_time" not in times
    assert times["time"] == pytest.approx(1e-3 + 11e-6, rel=0.05)


@pytest.mark.parametrize("boost", [0.5, 2.0, 5.7])
@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("host_s", [10e-6, 3e-3])
def test_blocking_is_told_by_a_device_whose_clock_moved(
    device: Device, boost: float, waits: bool, host_s: float
) -> None:
    clock = cuda.CudaClock("cuda:0", "warm", 0)
    call = step_of(device, kernel_s=1e-3, host_s=host_s, waits=waits)
    clock.first(call, None)
    device.cycles_per_s *= boost
    times, _ = clock.sample(call, [None] * 3)
    assert (clock.labels.get("bound") == "blocking") == waits
    assert times["time"] == pytest.approx(1e-3 + (host_s if waits else 0.0), rel=0.05)


@pytest.mark.parametrize("device", [Ramping], indirect=True)
@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("idle_s", [0.0, 30.0])
def test_a_clock_that_ramps_hides_nothing(device: Ramping, waits: bool, idle_s: float) -> None:
    """While the clock is made the device idles, and again while a step compiles."""
    clock = cuda.CudaClock("cuda:0", "warm", 0)
    call = step_of(device, kernel_s=1e-3, host_s=10e-6, waits=waits)
    device.host_s += idle_s
    clock.first(call, None)
    for _ in range(30):
        times, _ = clock.sample(call, [None] * 5)
    assert (clock.labels.get("bound") == "blocking") == waits
    assert device.speed == 1.0
    assert times["time"] == pytest.approx(1e-3 + 11e-6 * waits, rel=0.02)


@pytest.mark.parametrize("device", [Ramping], indirect=True)
def test_spins_are_counted_on_a_device_at_full_speed(device: Ramping) -> None:
    clock = cuda.CudaClock("cuda:0", "warm", 0)
    assert clock._cycles_per_s == pytest.approx(CYCLES_PER_S, rel=0.02)


@pytest.mark.parametrize("kernels_before", [0, 1, 3])
def test_a_step_that_waits_anywhere_is_found_out(device: Device, kernels_before: int) -> None:
    def call(_inputs: object) -> tuple[str]:
        for number in range(4):
            if number == kernels_before:
                device.synchronize()
            device.launch(250e-6)
        return ("out",)

    times, clock = sample(device, call)
    assert clock.labels["bound"] == "blocking"
    assert clock.labels["clock"] == cuda_wall.LABEL
    assert times["time"] == pytest.approx(1e-3, rel=0.02)


def test_a_step_that_waits_at_every_other_call_is_barred(device: Device) -> None:
    """One look does not find it; its samples hold gaps, and say so."""
    numbers = itertools.count()

    def call(_inputs: object) -> tuple[str]:
        device.launch(1e-3, 10e-6)
        if next(numbers) % 2:
            device.synchronize()
        return ("out",)

    _, clock = sample(device, call)
    assert clock.labels["bound"] == "blocking" or _gaps(clock.labels) == [LAUNCH_GAPS]


def test_what_the_host_was_late_for_is_told_and_barred(device: Device) -> None:
    _, late = sample(device, step_of(device, kernel_s=1e-3, host_s=0.5, kernels=50), calls=1)
    assert late.labels["host_ahead"] == "no"
    assert float(late.labels["host_behind_share"]) == 1.0
    assert _gaps(late.labels) == [LAUNCH_GAPS]
    _, ahead = sample(device, step_of(device, kernel_s=1e-3, host_s=1e-4))
    assert _gaps(ahead.labels) == []


def test_a_call_that_fills_the_queue_alone_is_labelled(device: Device) -> None:
    times, clock = sample(device, step_of(device, 5e-3, 6e-3, kernels=3000), calls=1)
    assert clock.labels["bound"] == "blocking"
    assert times["time"] == pytest.approx(6e-3, rel=0.2)
