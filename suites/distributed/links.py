"""What a call costs before its first byte, and what bytes cost: alpha and beta. Torch-free.

A call of S bytes as nccl-tests counts them takes alpha + busbw factor x S / beta seconds: alpha is
the latency of the whole call, beta the busbw that large buffers come to.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.answers import Answer, Interval, Record, counted, seconds
from suites.distributed.planning.alpha_beta import AlphaBeta, Transfer, fit_alpha_beta
from suites.distributed.sizes import COLLECTIVES, Times, lines
from suites.distributed.theory import ring_bytes

LEAST_SIZES = 3  # two are met by any line
TOO_WIDE = 10.0  # between the ends of an interval: it tells nothing
Columns = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Line:
    """A collective's times over sizes, and the link that was fitted to them."""

    record: Record
    times: Times
    link: AlphaBeta

    def bus_bytes(self, num_bytes: int) -> float:
        """Return what busbw counts of a buffer, in bytes."""
        return _bus_bytes(self.record, num_bytes)

    def fitted_s(self, num_bytes: int) -> Interval:
        """Return the seconds a call of one size takes by the link, with those it may take."""
        return self.link.seconds(1, self.bus_bytes(num_bytes))


def fitted(records: Sequence[Record]) -> Iterator[Line]:
    """Fit a link to every collective that was timed at enough sizes in the same rounds."""
    for record, times in lines(records):
        transfers = [Transfer(1, _bus_bytes(record, size), own) for size, own in times.items()]
        shared = set.intersection(*(set(own) for own in times.values()))
        if len(times) >= LEAST_SIZES and shared:
            yield Line(record, times, fit_alpha_beta(transfers))


def columns(records: Sequence[Record]) -> Columns:
    """Return alpha, beta and the link's times by case; the case of a line that goes by sizes."""
    found: Columns = {}
    for line in fitted(records):
        alpha, beta = line.link.alpha_s(), line.link.beta_bytes_per_s()
        _put(found, line, "alpha{}_s", alpha)
        _put(found, line, "beta{}_bytes_per_s", beta)
        if line.link.scatter is not None:
            found.setdefault("alpha_beta_scatter", {})[line.record.case.id] = line.link.scatter
        for size in line.times:
            _put(found, line, f"fitted_{size}{{}}_s", line.fitted_s(size))
    return found


def _put(found: Columns, line: Line, name: str, interval: Interval) -> None:
    ends = {"": interval.estimate, "_low": interval.low, "_high": interval.high}
    for part, value in ends.items():
        if value is not None and value < float("inf"):
            found.setdefault(name.format(part), {})[line.record.case.id] = value


def answers(records: Sequence[Record]) -> list[Answer]:
    """Say what every collective costs, at the number of ranks that most were timed at."""
    groups: dict[tuple[object, ...], list[Line]] = {}
    for line in fitted(records):
        case = line.record.case
        groups.setdefault((case.ranks, case.dtype, case.device), []).append(line)
    if not groups:
        return []
    own = max(groups.values(), key=len)
    case = own[0].record.case
    said = "; ".join(_sentence(line) for line in own)
    where = f"{counted(case.ranks, 'rank')} on {case.device}"
    return [
        Answer(
            f"A call costs α, and its bytes go by at β (busbw), between {where}: {said}"
            f"{_barred(own)}.",
            [line.record for line in own],
        )
    ]


def _sentence(line: Line) -> str:
    alpha, beta = line.link.alpha_s(), line.link.beta_bytes_per_s()
    return f"{line.record.case.variant} α {_seconds(alpha)}, β {_rate(beta)}"


def _seconds(found: Interval) -> str:
    if found.low is None or found.high is None:
        return f"{seconds(found.estimate)} (one round)"
    return f"{seconds(found.estimate)} ({seconds(found.low)} to {seconds(found.high)})"


def _rate(found: Interval) -> str:
    """Write bytes a second, with an interval where it has one that tells anything."""
    estimate = f"{found.estimate / 1e9:.3g}"
    if found.low is None or found.high is None:
        return f"{estimate} GB/s"
    if found.high > TOO_WIDE * found.low:
        return f"{estimate} GB/s (at least {found.low / 1e9:.3g})"
    return f"{estimate} GB/s ({found.low / 1e9:.3g} to {found.high / 1e9:.3g})"


def _barred(own: Sequence[Line]) -> str:
    flags = sorted({flag for line in own for flag in line.record.flags})
    return f"; times are {', '.join(flags)}" if flags else ""


def _bus_bytes(record: Record, num_bytes: int) -> float:
    return ring_bytes(COLLECTIVES[record.case.problem], num_bytes, record.case.ranks)
