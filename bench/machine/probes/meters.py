"""What a worker reads just before and just after its sampling window."""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType

from bench.cases.case import Case, Measurement, Window
from bench.machine.probes import frequency, rapl
from bench.machine.probes.energy import energy_of_a_call
from bench.timing.sampling import Samples

PACKAGE = "everything that ran on the CPU package"


class Meters:
    """Stamps the window, and reads the CPU's energy and clock at its ends; a context manager.

    Of several ranks none reads: they would all be told of the same package.
    """

    def __init__(self, case: Case, powercap: Path = rapl.POWERCAP):
        self._alone = case.ranks == 1
        self._powercap = powercap if self._alone and case.device == "cpu" else None
        self._clocks_mhz: list[float] = []
        self._counters: list[dict[str, rapl.Counter]] = []
        self._stamps_s: list[float] = []

    def __enter__(self) -> Meters:
        self._read_clock()
        self._read_energy()
        self._stamps_s.append(time.monotonic())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stamps_s.append(time.monotonic())
        self._read_energy()
        if self._clocks_mhz:  # where none is known, none will be
            self._read_clock()

    def window(self, samples: Samples) -> Window:
        """Return the window, with the calls that were sampled in it."""
        begun_s, ended_s = self._stamps_s
        return Window(begun_s, ended_s, samples.num_calls, samples.in_calls_s)

    def found(self, window: Window) -> tuple[list[Measurement], dict[str, str]]:
        """Return what was measured, and the labels that explain it."""
        before, after = self._counters
        joules = rapl.joules_between(before, after)
        measurements, labels = energy_of_a_call(joules, window, "rapl", PACKAGE)
        if self._clocks_mhz:
            measurements.append(Measurement("cpu_clock", "MHz", self._clocks_mhz))
        return measurements, labels

    def _read_clock(self) -> None:
        if self._alone and (mhz := frequency.clock_mhz()) is not None:
            self._clocks_mhz.append(mhz)

    def _read_energy(self) -> None:
        self._counters.append(rapl.read(self._powercap) if self._powercap else {})
