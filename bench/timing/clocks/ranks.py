"""The clock of ranks: every reading that decides something is agreed, so that all stay in step."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import torch
import torch.distributed as dist

from bench.cases.problem import Call
from bench.cases.variant import Unsupported
from bench.timing.clocks.cpu import timer_overhead_s
from bench.timing.clocks.cuda_wall import marked
from bench.timing.sampling import RANK_TIME


class RankClock:
    """Times calls by the host's clock around a synchronised device; `time` is the slowest rank's.

    Ranks start every sample together, from a barrier that is not timed.
    """

    single_calls = False

    def __init__(self, device: str, cache: str):
        if cache == "cold":
            raise Unsupported("several ranks are timed with warm caches only")
        self._device = torch.device(device)
        self.overhead_s = self._slowest(timer_overhead_s())
        self.labels = {"clock": "perf_counter, slowest rank"}

    def now(self) -> float:
        """Return the seconds of rank 0, on every rank."""
        reading = self._tensor(perf_counter())
        dist.broadcast(reading, 0)
        return float(reading)

    def mark(self) -> Any:
        """Mark this moment: on a GPU by an event, since a step must not wait to be told apart."""
        return marked() if self._device.type == "cuda" else perf_counter()

    def seconds(self, begun: Any, ended: Any) -> float:
        if self._device.type == "cuda":
            return float(begun.elapsed_time(ended)) * 1e-3
        return float(ended - begun)

    def first(self, call: Call, inputs: Any) -> tuple[float, tuple[Any, ...]]:
        seconds, outputs = self._timed(call, [inputs])
        return self._slowest(seconds), outputs

    def sample(self, call: Call, batch: list[Any]) -> tuple[dict[str, float], tuple[Any, ...]]:
        seconds, outputs = self._timed(call, batch)
        own = seconds / len(batch)
        return {"time": self._slowest(own), RANK_TIME: own}, outputs

    def _timed(self, call: Call, batch: list[Any]) -> tuple[float, tuple[Any, ...]]:
        self._synchronize()
        dist.barrier()
        started = perf_counter()
        for inputs in batch:
            outputs = call(inputs)
        self._synchronize()
        return perf_counter() - started, outputs

    def _slowest(self, seconds: float) -> float:
        reading = self._tensor(seconds)
        dist.all_reduce(reading, dist.ReduceOp.MAX)
        return float(reading)

    def _tensor(self, value: float) -> torch.Tensor:
        return torch.tensor(value, dtype=torch.float64, device=self._device)

    def _synchronize(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
