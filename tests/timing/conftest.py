"""The simulated GPU in place of torch's."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from bench.timing.clocks import cuda, cuda_wall
from tests.timing.simulated_gpu import L2_BYTES, Buffer, Device, Event


@pytest.fixture(params=[Device])
def device(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Device:
    simulated: Device = request.param()
    fake = SimpleNamespace(
        device=lambda name: name,
        uint8=None,
        empty=lambda n, **_: Buffer(simulated),
        cuda=SimpleNamespace(
            get_device_properties=lambda _: SimpleNamespace(L2_cache_size=L2_BYTES),
            Event=lambda enable_timing: Event(simulated, enable_timing),
            synchronize=simulated.synchronize,
            _sleep=simulated.spin,
        ),
    )
    for module in (cuda, cuda_wall):
        monkeypatch.setattr(module, "torch", fake)
        monkeypatch.setattr(module, "perf_counter", lambda: simulated.host_s)
    return simulated
