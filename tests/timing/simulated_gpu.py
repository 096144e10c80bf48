"""A simulated GPU, which shows nothing of a real one: a queue of kernels beside the host's time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from bench.timing.clocks import cuda

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
        self.num_flushes = self.num_waits = 0
        self.spins: list[float] = []  # in cycles
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
        self.spins.append(cycles)
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
    def __init__(self, device: Device, timed: bool):
        self.device, self.timed, self.at_s = device, timed, 0.0

    def record(self) -> None:
        self.device.launch(0.0)
        self.at_s = self.device.free_s

    def query(self) -> bool:
        return self.at_s <= self.device.host_s

    def synchronize(self) -> None:
        self.device.host_s = max(self.device.host_s, self.at_s)

    def elapsed_time(self, end: Event) -> float:
        if not (self.timed and end.timed):
            raise RuntimeError("expected events with enable_timing=True")
        return (end.at_s - self.at_s) * 1e3


class Buffer:
    def __init__(self, device: Device):
        self.device = device

    def zero_(self) -> None:
        self.device.num_flushes += 1
        self.device.launch(FLUSH_S)


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
