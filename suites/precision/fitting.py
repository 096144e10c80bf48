"""The largest batch that fits: peaks are linear in the batch, so two of them predict. Torch-free.

A step holds its model states whatever the batch is, and activations by row. The two smallest
batches of a run give the line; larger ones, where there are any, confirm it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.answers import Answer, Record, name_of

WITHIN_BYTES = 8 * 2**30  # what the sentence is told of; columns serve any other
Columns = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Line:
    """Peak bytes of a policy by batch: a row's, and what there is without rows."""

    records: list[Record]  # by batch
    row_bytes: float
    rest_bytes: float

    def largest(self, within_bytes: float) -> int:
        """Return the largest batch whose predicted peak is within so many bytes."""
        return max(int((within_bytes - self.rest_bytes) // self.row_bytes), 0)

    def predicted_bytes(self, record: Record) -> float:
        return self.rest_bytes + self.row_bytes * _batch(record)

    @property
    def worst(self) -> float | None:
        """Return how far the line is off at batches that it was not drawn through, as a share."""
        beyond = self.records[2:]
        errors = [abs(self.predicted_bytes(r) / r.values["peak"] - 1) for r in beyond]
        return max(errors, default=None)


def lines(records: Sequence[Record]) -> list[Line]:
    """Draw a line for every policy that was asked of two batches or more, all else alike."""
    grouped: dict[tuple[object, ...], dict[int, Record]] = {}
    for record in records:
        if record.outcome == "ok" and "batch" in record.case.values and record.values.get("peak"):
            grouped.setdefault(_but_for_the_batch(record), {}).setdefault(_batch(record), record)
    found = [_line([own[batch] for batch in sorted(own)]) for own in grouped.values()]
    return [line for line in found if line is not None]


def columns(records: Sequence[Record]) -> Columns:
    """Return by case the bytes of a row, those without rows, and the peak that they predict."""
    found: Columns = {"peak_row_bytes": {}, "peak_rest_bytes": {}, "peak_predicted_bytes": {}}
    for line in lines(records):
        for record in line.records:
            found["peak_row_bytes"][record.case.id] = line.row_bytes
            found["peak_rest_bytes"][record.case.id] = line.rest_bytes
        for record in line.records[2:]:
            found["peak_predicted_bytes"][record.case.id] = line.predicted_bytes(record)
    return {name: values for name, values in found.items() if values}


def answer(records: Sequence[Record]) -> Answer | None:
    """Say what batch 8 GiB hold under each policy of one workload; None where no two were asked."""
    found = lines(records)
    if not found:
        return None
    first = found[0].records[0].case
    same = [line for line in found if line.records[0].case.problem == first.problem]
    cases = [line.records[0].case for line in same]
    told = [f"{name_of(line.records[0].case, cases)} {line.largest(WITHIN_BYTES)}" for line in same]
    worst = [line.worst for line in same if line.worst is not None]
    batches = " and ".join(str(_batch(record)) for record in found[0].records[:2])
    held = f"; larger ones are predicted within {max(worst):.1%}" if worst else ""
    sentence = (
        f"{first.problem.removesuffix('Training')}: in 8 GiB fit batches of {', '.join(told)}, "
        f"predicted from batches of {batches}{held}."
    )
    return Answer(sentence, [record for line in same for record in line.records])


def _line(records: list[Record]) -> Line | None:
    if len(records) < 2:
        return None
    small, large = records[:2]
    grown = large.values["peak"] - small.values["peak"]
    row = grown / (_batch(large) - _batch(small))
    if row <= 0:
        return None
    return Line(records, row, small.values["peak"] - row * _batch(small))


def _batch(record: Record) -> int:
    return int(record.case.values["batch"] or 0)


def _but_for_the_batch(record: Record) -> tuple[object, ...]:
    case = record.case
    sizes = sorted((k, str(v)) for k, v in case.values.items() if k not in ("batch", "num_steps"))
    options = sorted((k, str(v)) for k, v in case.options.items())
    return (case.problem, case.variant, case.device, case.threads, *sizes, *options)
