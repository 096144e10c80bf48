"""The CUDA clock on a simulated GPU: how long it spins, and how often, to have the host ahead."""

from __future__ import annotations

import pytest

from bench.timing.clocks import cuda
from tests.timing.simulated_gpu import CYCLES_PER_S, Device, step_of


def test_a_host_that_slows_down_is_given_twice_as_long_until_it_is_ahead(device: Device) -> None:
    """In what a call took the host at first: what was enough is kept, up to 16 times as long."""
    first_s, host = 2.5e-3, {"slower": 1}

    def call(_inputs: object) -> tuple[str]:
        device.launch(10e-6, first_s * host["slower"])
        return ("out",)

    clock = cuda.CudaClock("cuda:0", "warm", 0)
    clock.sample(call, [None])
    spins = ([2], [2, 4], [4, 8], [8, 16], [16, 32], [16, 32], [16, 32, 64])
    for host["slower"], expected in zip((1, 3, 7, 15, 30, 30, 60), spins, strict=True):
        device.spins.clear()
        times, _ = clock.sample(call, [None])
        assert times["time"] == pytest.approx(10e-6)
        found = [cycles / CYCLES_PER_S / first_s for cycles in device.spins]
        assert found == pytest.approx(expected, rel=0.03)
    assert clock.labels["host_ahead"] == "yes"


def test_two_calls_that_fill_the_queue_are_timed_one_by_one(device: Device) -> None:
    device.queue_length = 64
    call = step_of(device, kernel_s=120e-6, host_s=160e-6, kernels=40)
    clock = cuda.CudaClock("cuda:0", "warm", 0)
    clock.sample(call, [None])
    device.spins.clear()
    times, _ = clock.sample(call, [None, None])
    assert len(device.spins) == 3  # of both, and of each
    assert times["time"] == pytest.approx(120e-6, rel=0.05)
    assert clock.labels["host_ahead"] == "yes"


@pytest.mark.parametrize("host_s", [1e-6, 20e-3])
def test_one_short_look_is_enough_where_the_clock_stands_still(
    device: Device, host_s: float
) -> None:
    clock = cuda.CudaClock("cuda:0", "warm", 0)
    device.spins.clear()
    before_s = device.host_s
    clock.sample(step_of(device, 1e-6, host_s), [None])
    assert len(device.spins) == 2  # to look, and before the sample
    assert device.host_s - before_s < 10 * host_s + 20e-3


@pytest.mark.parametrize("number", [1, 2, 3])
def test_one_spin_that_is_held_up_does_not_set_the_rate(
    device: Device, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def spin(cycles: float) -> None:
        device.spin(cycles * (10 if len(device.spins) == number else 1))

    monkeypatch.setattr(cuda.torch.cuda, "_sleep", spin)
    clock = cuda.CudaClock("cuda:0", "warm", 0)
    assert clock._cycles_per_s == pytest.approx(CYCLES_PER_S, rel=0.02)


def test_an_event_pair_is_as_fine_as_cuda_documents(device: Device) -> None:
    assert cuda.CudaClock("cuda:0", "warm", 0).overhead_s == 0.5e-6
