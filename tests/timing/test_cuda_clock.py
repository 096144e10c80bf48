"""The CUDA clock on a simulated device: a queue of kernels beside the host that launches them.

This shows that launch gaps stay out of samples, that cold samples are flushed outside the events,
and that synchronising steps are found out. It shows nothing of a real GPU.
"""

from __future__ import annotations

import itertools
import sys
from collections import deque
from collections.abc import Callable
from types import ModuleType, SimpleNamespace

import pytest

from bench.cases.flags import LAUNCH_GAPS
from bench.machine.ceilings import timers
from bench.machine.ceilings.rounds import Probe, best_of_rounds
from bench.proving.gpucheck.finding import word_of
from bench.proving.gpucheck.on_device import clock as clock_body
from bench.proving.gpucheck.on_device import do_bench as do_bench_body
from bench.proving.gpucheck.trials import clock as clock_trial
from bench.proving.gpucheck.trials import do_bench as do_bench_trial
from bench.timing.clocks import cuda, cuda_wall
from bench.timing.clocks.cuda_wall import CudaWallClock
from bench.workers.roles.time import _gaps

CYCLES_PER_S = 1.4e9
L2_BYTES = 50 << 20
FLUSH_S = 100e-6
QUEUE_LENGTH = 1024
CALL_S = 1e-6  # what any other call into CUDA costs the host


class Device:
    """Host time, and the time at which everything queued so far will have run."""

    def __init__(self) -> None:
        self.host_s = 0.0
        self.free_s = 0.0
        self.num_flushes = self.num_spins = self.num_waits = 0
        self.cycles_per_s = CYCLES_PER_S
        self.queue_length = QUEUE_LENGTH
        self.ends: deque[float] = deque()

    def launch(self, kernel_s: float, host_s: float = CALL_S) -> None:
        """Queue a kernel; where the queue is full, the host waits for a place in it."""
        self.host_s += host_s
        while len(self.ends) >= self.queue_length:
            self.host_s = max(self.host_s, self.ends.popleft())
        self.free_s = max(self.free_s, self.host_s) + kernel_s
        self.ends.append(self.free_s)
        while self.ends and self.ends[0] <= self.host_s:
            self.ends.popleft()

    def spin(self, cycles: float) -> None:
        self.num_spins += 1
        self.launch(cycles / self.cycles_per_s)

    def synchronize(self, _device: object = None) -> None:
        self.num_waits += 1
        self.host_s = max(self.host_s, self.free_s) + CALL_S


class Ramping(Device):
    """A clock that rises with the work it is given, and falls when there is none.

    Every kernel runs at the clock of its beginning; `kernel_s` is what it takes at full speed.
    """

    RAMP_S, IDLE_S = 50e-3, 20e-3  # of work until full speed, of idleness until the lowest
    LOWEST = 0.2

    def __init__(self) -> None:
        super().__init__()
        self.busy_s = 0.0

    @property
    def speed(self) -> float:
        return self.LOWEST + (1 - self.LOWEST) * min(self.busy_s / self.RAMP_S, 1.0)

    def launch(self, kernel_s: float, host_s: float = CALL_S) -> None:
        if self.host_s - self.free_s > self.IDLE_S:
            self.busy_s = 0.0
        took_s = kernel_s / self.speed
        self.busy_s += took_s
        super().launch(took_s, host_s)


class Event:
    def __init__(self, device: Device):
        self.device, self.at_s = device, 0.0

    def record(self) -> None:
        self.device.launch(0.0)
        self.at_s = self.device.free_s

    def query(self) -> bool:
        return self.at_s <= self.device.host_s

    def synchronize(self) -> None:
        self.device.host_s = max(self.device.host_s, self.at_s)

    def elapsed_time(self, end: Event) -> float:
        return (end.at_s - self.at_s) * 1e3


class Buffer:
    def __init__(self, device: Device):
        self.device = device

    def zero_(self) -> None:
        self.device.num_flushes += 1
        self.device.launch(FLUSH_S)


@pytest.fixture(params=[Device])
def device(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Device:
    simulated: Device = request.param()
    fake = SimpleNamespace(
        device=lambda name: name,
        uint8=None,
        empty=lambda n, **_: Buffer(simulated),
        cuda=SimpleNamespace(
            get_device_properties=lambda _: SimpleNamespace(L2_cache_size=L2_BYTES),
            Event=lambda enable_timing: Event(simulated),
            synchronize=simulated.synchronize,
            _sleep=simulated.spin,
        ),
    )
    for module in (cuda, cuda_wall):
        monkeypatch.setattr(module, "torch", fake)
        monkeypatch.setattr(module, "perf_counter", lambda: simulated.host_s)
    return simulated


def step_of(
    device: Device, kernel_s: float, host_s: float, waits: bool = False, kernels: int = 1
) -> Callable:
    def call(_inputs: object) -> tuple[str]:
        for _ in range(kernels):
            device.launch(kernel_s / kernels, host_s / kernels)
        if waits:
            device.synchronize()
        return ("out",)

    return call


def sample(device: Device, call: Callable, cache: str = "warm", calls: int = 5) -> tuple:
    clock = cuda.CudaClock("cuda:0", cache, 0)
    clock.first(call, None)
    for _ in range(20):
        times, _ = clock.sample(call, [None] * calls)
    return times, clock


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


def test_a_step_that_synchronises_is_found_out(device: Device) -> None:
    times, clock = sample(device, step_of(device, 1e-3, 10e-6, waits=True))
    assert clock.labels["bound"] == "blocking"
    assert clock.labels["clock"] == "host clock around synchronise"
    assert "enqueue_time" not in times
    assert times["time"] == pytest.approx(1e-3 + 11e-6, rel=0.05)


def test_cold_samples_are_flushed_outside_the_events(device: Device) -> None:
    call = step_of(device, kernel_s=20e-6, host_s=5e-6)
    times, clock = sample(device, call, cache="cold", calls=1)
    assert device.num_flushes == 20
    assert times["time"] == pytest.approx(20e-6, rel=0.1)
    assert clock.single_calls
    assert int(clock.labels["flushed_bytes"]) >= 2 * L2_BYTES


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
    before = device.num_spins
    times, _ = clock.sample(call, [None] * kernels)
    assert times["time"] == pytest.approx(3e-6, rel=0.05)
    assert clock.labels["host_ahead"] == "yes"
    assert device.num_spins - before <= 4  # a full queue is halved at once


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


# --- the wall clock ---


@pytest.mark.parametrize("waits", [False, True])
def test_the_wall_clock_waits_once_for_all_calls(device: Device, waits: bool) -> None:
    """One clock for a question: a step that waits and one that does not are told alike."""
    clock = CudaWallClock("cuda:0", "warm", 0)
    call = step_of(device, kernel_s=10e-6, host_s=120e-6, waits=waits)
    clock.first(call, None)
    before = device.num_waits
    times, _ = clock.sample(call, [None] * 50)
    assert device.num_waits - before == 2 + 50 * waits
    assert times["time"] == pytest.approx(120e-6 + waits * 11e-6, rel=0.03)
    assert times["device_time"] == pytest.approx(times["time"], rel=0.1)
    assert clock.labels["clock"] == cuda_wall.LABEL


def test_marks_of_phases_wait_for_nothing(device: Device) -> None:
    for clock in (CudaWallClock("cuda:0", "warm", 0), cuda.CudaClock("cuda:0", "warm", 0)):
        before = device.num_waits
        begun = clock.mark()
        device.launch(2e-3)
        ended = clock.mark()
        assert device.num_waits == before
        assert clock.seconds(begun, ended) == pytest.approx(2e-3, rel=0.01)


def test_a_call_that_fills_the_queue_alone_is_labelled(device: Device) -> None:
    times, clock = sample(device, step_of(device, 5e-3, 6e-3, kernels=3000), calls=1)
    assert clock.labels["bound"] == "blocking"
    assert times["time"] == pytest.approx(6e-3, rel=0.2)


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


# --- `bench gpucheck`'s trials of the clock, on the same device ---


@pytest.fixture
def tried(device: Device, monkeypatch: pytest.MonkeyPatch) -> Device:
    """Let the trials' bodies run on the device, with one product and one copy of known length."""
    lengths = {"mm": 2.1e-3, "copy_": 0.4e-3}

    def tensor(*_: object, **__: object) -> SimpleNamespace:
        return SimpleNamespace(copy_=lambda _: device.launch(lengths["copy_"]))

    known = cuda.torch
    for name in ("randn", "ones", "empty_like"):
        setattr(known, name, tensor)
    known.mm = lambda *_, **__: device.launch(lengths["mm"])
    known.cuda.set_device = lambda _: None
    for module in (clock_body, do_bench_body):
        monkeypatch.setattr(module, "torch", known)
    monkeypatch.setattr(clock_body, "perf_counter", lambda: device.host_s)
    return device


def test_the_trial_of_the_clock_passes_on_a_device_that_keeps_time(tried: Device) -> None:
    lengths = clock_body.lengths("cuda:0")
    assert word_of(clock_trial.figures(lengths, CYCLES_PER_S)) == "passed"
    assert lengths["product_by_clock"] == pytest.approx(2.1e-3, rel=0.01)


def test_the_trial_of_the_clock_fails_where_kernels_are_not_waited_for(
    tried: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuda.torch.cuda, "synchronize", lambda *_: None)
    lengths = clock_body.lengths("cuda:0")
    assert word_of(clock_trial.figures(lengths, CYCLES_PER_S)) == "failed"


@pytest.mark.parametrize(("slower", "word"), [(1.0, "passed"), (1.3, "failed")])
def test_the_trial_beside_triton(
    tried: Device, monkeypatch: pytest.MonkeyPatch, slower: float, word: str
) -> None:
    def do_bench(call: Callable, return_mode: str) -> float:
        began_s = tried.free_s = tried.host_s = max(tried.free_s, tried.host_s)
        call()
        return (tried.free_s - began_s) * 1e3 * slower

    monkeypatch.setitem(sys.modules, "triton", ModuleType("triton"))
    monkeypatch.setitem(sys.modules, "triton.testing", SimpleNamespace(do_bench=do_bench))
    found = do_bench_body.compared("cuda:0")
    assert word_of(do_bench_trial.figures(found)) == word
