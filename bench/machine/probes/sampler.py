"""The parent's handle on the NVML sampler: start it, read it between attempts, end it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from bench.cases.case import Case
from bench.machine.probes.gpu_window import Reading, explain
from bench.machine.probes.visible import NotVisible, nvml_names
from bench.system import process
from bench.system.own import ROOT

Reply = dict[str, Any]

PERIOD_S = 0.025


class Sampler:
    """Readings of the GPUs that some cases run on; use as a context manager.

    On a CPU, and where NVML does not answer, it reads nothing and costs nothing.
    """

    def __init__(self, cases: Sequence[Case], folder: Path, period_s: float = PERIOD_S):
        self._numbers = sorted({number for case in cases for number in gpus_of(case)})
        self._file, self._period_s = folder / "nvml.jsonl", period_s
        self._child: subprocess.Popen[bytes] | None = None
        self._asked: list[list[str]] = []
        self._off = ""
        self._cost = _Cost()

    def __enter__(self) -> Sampler:
        if self._numbers:
            try:
                self._start(nvml_names(self._numbers, os.environ))
            except NotVisible as error:
                self._off = str(error)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._child is not None:
            self._drain()
            self._child.kill()  # a stopped one too; it has nothing to put away
            self._child.wait()
            process.spare_no_longer(self._child.pid)

    def watch(self, case: Case, work: Callable[[], Reply]) -> Reply:
        """Have an attempt done, and add to its reply what its GPUs did in the sampling window.

        The parent sleeps meanwhile, and so does the sampler where ranks fill the cores.
        """
        if self._child is None or not gpus_of(case):
            return work()
        pauses = case.local_ranks >= len(os.sched_getaffinity(0))
        if pauses:
            self._signal(signal.SIGSTOP)
        try:
            reply = work()
        finally:
            if pauses:
                self._signal(signal.SIGCONT)
        lines = self._drain()
        if reply.get("window"):
            explain(reply, self._of_case(case, lines), self._power_is())
        return reply

    def told(self) -> dict[str, Any]:
        """Return what was asked and what the sampler cost, for `run.json`; {} without GPUs."""
        if not self._numbers:
            return {}
        if self._off or not self._cost.num_readings:
            return {"off": self._off or "no reading arrived"}
        return {
            "asked": self._asked[0] if self._asked else [],
            "period_s": self._period_s,
            **self._cost.told(),
        }

    def _start(self, names: list[str]) -> None:
        words = [str(os.getpid()), ",".join(names), str(self._period_s), str(self._file)]
        self._file.touch()
        self._child = subprocess.Popen(
            [sys.executable, "-P", "-m", "bench.machine.probes.nvml", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=os.environ | {"PYTHONPATH": _path()},
        )
        process.spare(self._child.pid)

    def _signal(self, signum: int) -> None:
        assert self._child is not None
        self._child.send_signal(signum)  # none where it has ended

    def _drain(self) -> list[Reply]:
        """Return the readings since the last time; the file begins anew."""
        with self._file.open("r+b") as stream:
            data = stream.read()
            stream.truncate(0)  # the sampler appends: it goes on at the new end
        lines = [line for line in map(_decoded, data.split(b"\n")) if line]
        for line in lines:
            self._asked = line.get("asked", self._asked)
            self._off = line.get("off", self._off)
        found = [line for line in lines if "devices" in line]
        self._cost.add(found)
        return found

    def _of_case(self, case: Case, lines: list[Reply]) -> list[Reading]:
        places = [self._numbers.index(number) for number in gpus_of(case)]
        return [Reading(line["at_s"], [line["devices"][i] for i in places]) for line in lines]

    def _power_is(self) -> str:
        instant = all("power_instant" in asked for asked in self._asked)
        return "of the moment" if instant else "the driver's mean over up to 1 s"


@dataclass
class _Cost:
    """What the sampler itself took: CPU seconds of its process, wall seconds of NVML's answers."""

    num_readings: int = 0
    took_s: float = 0.0
    took_most_s: float = 0.0
    cpu_s: float = 0.0
    begun_s: float = 0.0
    ended_s: float = 0.0

    def add(self, lines: list[Reply]) -> None:
        if not lines:
            return
        if not self.num_readings:
            self.begun_s = lines[0]["at_s"]
        self.num_readings += len(lines)
        self.took_s += sum(line["took_s"] for line in lines)
        self.took_most_s = max(self.took_most_s, *(line["took_s"] for line in lines))
        self.cpu_s, self.ended_s = lines[-1]["cpu_s"], lines[-1]["at_s"]

    def told(self) -> dict[str, float]:
        return {
            "num_readings": self.num_readings,
            "wall_s": self.ended_s - self.begun_s,
            "cpu_s": self.cpu_s,
            "reading_s": self.took_s / self.num_readings,
            "reading_most_s": self.took_most_s,
        }


def gpus_of(case: Case) -> list[int]:
    """Return torch's numbers of the GPUs a case runs on; rank N has the Nth."""
    if case.device == "cpu":
        return []
    if case.ranks > 1:
        return list(range(case.local_ranks))
    return [int(case.device.partition(":")[2] or 0)]


def _decoded(line: bytes) -> Reply:
    """Return a line; empty where it was being written as the file was read."""
    try:
        decoded: Reply = json.loads(line)
    except ValueError:
        return {}
    return decoded if isinstance(decoded, dict) else {}


def _path() -> str:
    return os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
