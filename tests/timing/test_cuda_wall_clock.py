"""The wall clock around a simulated GPU, and marks of phases by either clock."""

from __future__ import annotations

import pytest

from bench.timing.clocks import cuda, cuda_wall
from bench.timing.clocks.cuda_wall import CudaWallClock
from tests.timing.simulated_gpu import CALL_S, Device, step_of


@pytest.mark.parametrize("waits", [False, True])
def test_the_wall_clock_waits_once_for_all_calls(device: Device, waits: bool) -> None:
    """One clock for a question: a step that waits and one that does not are told alike."""
    clock = CudaWallClock("cuda:0", "warm", 0)
    call = step_of(device, kernel_s=10e-6, host_s=120e-6, waits=waits)
    first_s, outputs = clock.first(call, None)
    assert (first_s, outputs) == (pytest.approx(130e-6, rel=0.03), ("out",))
    before = device.num_waits
    times, _ = clock.sample(call, [None] * 50)
    assert device.num_waits - before == 2 + 50 * waits
    assert times["time"] == pytest.approx(120e-6 + waits * 11e-6, rel=0.03)
    assert times["device_time"] == pytest.approx(times["time"], rel=0.1)
    assert clock.labels["clock"] == cuda_wall.LABEL


def test_what_the_wall_clock_adds_is_one_wait_for_an_idle_device(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert CudaWallClock("cuda:0", "warm", 0).overhead_s == pytest.approx(CALL_S)
    monkeypatch.setattr(cuda_wall.torch.cuda, "synchronize", lambda *_: None)
    assert 0 < CudaWallClock("cuda:0", "warm", 0).overhead_s < 1e-8  # too short for the clock


def test_marks_of_phases_wait_for_nothing(device: Device) -> None:
    for clock in (CudaWallClock("cuda:0", "warm", 0), cuda.CudaClock("cuda:0", "warm", 0)):
        before = device.num_waits
        begun = clock.mark()
        device.launch(2e-3)
        ended = clock.mark()
        assert device.num_waits == before
        assert clock.seconds(begun, ended) == pytest.approx(2e-3, rel=0.01)
