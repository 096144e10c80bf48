"""The largest batch whose step so many bytes hold: predicted from two peaks, then confirmed.

A step holds its weights and optimizer states whatever the batch is, and activations by row: its
peak is a line in the batch. Each peak is that of a process of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any, NamedTuple

import torch

from bench.cases.case import Case, Measurement
from bench.cases.costs import FIT_PROCESSES
from bench.cases.variant import Unsupported
from bench.judging.words import size
from bench.selecting.discover import find_variant, load_module
from bench.workers.preload import ask_a_fork, told_by_a_fork
from bench.workers.roles.result import Result

Reply = dict[str, Any]
RunRole = Callable[[Case, Reply], Reply]
CALLS_OF_A_PEAK = 2


class Peak(NamedTuple):
    """What a step of a batch holds at most."""

    batch: int
    bytes: float


class Line(NamedTuple):
    """Peak bytes by batch."""

    row: float
    rest: float

    def at(self, batch: int) -> float:
        return self.rest + self.row * batch

    def largest(self, within: float, step: int) -> int:
        """Return the largest multiple of `step` whose peak is within so many bytes."""
        return max(int((within - self.rest) // (self.row * step)), 0) * step


def largest_batch(case: Case, request: Reply, run_role: RunRole) -> Reply:
    """Search; the answer is a batch that was seen to fit, beside what was predicted of it.

    Where peaks are no line, lines are drawn through the nearest two until one more row would not
    fit; a label says where that was not reached. Unsupported says why there is no batch.
    """
    assert case.fit_bytes is not None
    _expect_room(case, case.fit_bytes)
    search = Search(case.fit_bytes, _step(case))

    def peak(batch: int) -> Peak:
        seconds = CALLS_OF_A_PEAK * request.get("call_s", 0.0) * batch / _batch(case)
        if seconds > request["timeout_s"]:
            raise Unsupported(f"a batch of {batch} would take some {seconds:.0f} s to confirm")
        return _peak(case, batch, request, run_role)

    seen = [peak(_batch(case)), peak(2 * _batch(case))]
    for _ in range(FIT_PROCESSES - len(seen)):
        batch = search.next(seen)
        if batch is None:
            break
        seen.append(peak(batch))
    return {"outcome": "ok", **asdict(search.result(seen))}


class Search:
    """What to try after peaks that were seen; `predicted` is what was said of those tried."""

    def __init__(self, within: int, step: int):
        self.within, self.step = within, step
        self.predicted: dict[int, float] = {}

    def next(self, seen: Sequence[Peak]) -> int | None:
        """Return the batch to try; None where it is known. Unsupported where none can fit."""
        known, over = self._known(seen), self._over(seen)
        line = self._line(seen)
        batch = line.largest(self.within, self.step)
        if known and over and not known.batch <= batch < over.batch:
            line = _through(known, over)  # what bends leads out of what is known
            batch = line.largest(self.within, self.step)
        if over:
            batch = min(batch, (over.batch - 1) // self.step * self.step)
        if known and batch <= known.batch:
            return None
        if batch <= 0:
            least = line.at(self.step)
            raise Unsupported(f"a batch of {self.step} is predicted to hold {size(least)}")
        self.predicted[batch] = line.at(batch)
        return batch

    def result(self, seen: Sequence[Peak]) -> Result:
        known, line = self._known(seen), self._line(seen)
        if known is None:
            raise Unsupported(f"peaks are no line in the batch: {_in_words(seen)}")
        over = self._over(seen)
        shown = over is not None and over.batch <= known.batch + self.step
        more = not shown and known.bytes + line.row * self.step <= self.within
        quantities = {
            "fit_peak": known.bytes,
            "fit_predicted": self.predicted.get(known.batch, known.bytes),
            "fit_row": line.row,
        }
        return Result(
            [
                Measurement("fit_batch", "1", [float(known.batch)]),
                *(Measurement(name, "bytes", [value]) for name, value in quantities.items()),
            ],
            {"fit": f"a larger one may fit: {_in_words(seen)}"} if more else {},
        )

    def _known(self, seen: Sequence[Peak]) -> Peak | None:
        """Return the largest batch that was seen to fit."""
        return max((peak for peak in seen if peak.bytes <= self.within), default=None)

    def _over(self, seen: Sequence[Peak]) -> Peak | None:
        return min((peak for peak in seen if peak.bytes > self.within), default=None)

    def _line(self, seen: Sequence[Peak]) -> Line:
        """Draw a line through the two peaks that are nearest to what is there."""
        nearest = sorted(seen, key=lambda peak: abs(peak.bytes - self.within))[:2]
        return _through(*sorted(nearest))


def _in_words(seen: Sequence[Peak]) -> str:
    return ", ".join(f"{peak.batch} rows hold {size(peak.bytes)}" for peak in sorted(seen))


def _through(small: Peak, large: Peak) -> Line:
    row = (large.bytes - small.bytes) / (large.batch - small.batch)
    if row <= 0:
        raise Unsupported("the peak does not grow with the batch")
    return Line(row, small.bytes - row * small.batch)


def _peak(case: Case, batch: int, request: Reply, run_role: RunRole) -> Peak:
    """Return the peak of a step of this batch, measured in a fork that runs nothing else."""
    asked = replace(case, values={**case.values, "batch": batch})
    try:
        told = told_by_a_fork(
            lambda: json.dumps(run_role(asked, {**request, "role": "peak"}), default=str).encode()
        )
    except RuntimeError as died:
        raise Unsupported(f"a batch of {batch}: {died}") from None
    reply = json.loads(told)
    if reply["outcome"] != "ok":
        raise Unsupported(f"a batch of {batch}: {reply['outcome']}: {reply.get('detail', '')}")
    peaks = [m["samples"][-1] for m in reply["measurements"] if m["quantity"] == "peak"]
    if not peaks:
        why = reply.get("labels", {}).get("memory_not_counted", "its peak is not counted")
        raise Unsupported(f"a batch of {batch}: {why}")
    return Peak(batch, peaks[0])


def _step(case: Case) -> int:
    """Return by how much the batch may grow: by one, or as a whole, where it is dealt out."""

    def one_more() -> int:
        problem = find_variant(load_module(case.module), case.variant, case.problem).problem_type
        try:
            problem(**{**case.values, "batch": _batch(case) + 1})
        except ValueError:
            return 0
        return 1

    return 1 if ask_a_fork(one_more) else _batch(case)


def _batch(case: Case) -> int:
    batch = case.values["batch"]
    assert isinstance(batch, int)
    return batch


def _expect_room(case: Case, wanted: int) -> None:
    """Refuse more than a GPU has free; of a CPU's memory the command knows."""
    if case.device == "cpu":
        return
    free = int(told_by_a_fork(lambda: str(torch.cuda.mem_get_info(case.device)[0]).encode()))
    if wanted > free:
        raise Unsupported(f"{case.device} has {free} bytes free, {wanted} were asked for")
