"""The sizes that one case of a collective goes through, and how often each; torch-free.

As nccl-tests does (-b, -e, -f, -n), one launch of ranks times every size: a launch takes a second,
a collective of a kilobyte a ten-thousandth of one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bench.answers import Record, Rounds

FACTOR = 4  # between two sizes
MOST_CALLS = 8  # of the smallest sizes in a row
CALLS_BYTES = 1 << 18  # smaller buffers are sent so often that all calls come to this
COLLECTIVES = {  # by problem, what each is called
    "AllReduce": "all_reduce",
    "AllGather": "all_gather",
    "ReduceScatter": "reduce_scatter",
    "AllToAll": "all_to_all",
    "Broadcast": "broadcast",
    "Reduce": "reduce",
}
Times = dict[int, Rounds]  # seconds a call by round, by the bytes of the buffer


def sizes(num_bytes: int, from_bytes: int | None) -> list[int]:
    """Return the bytes of every buffer, smallest first: `num_bytes` and each quarter of it."""
    found = [num_bytes]
    while from_bytes is not None and found[0] // FACTOR >= from_bytes:
        found.insert(0, found[0] // FACTOR)
    return found


def calls(num_bytes: int) -> int:
    """Return how often a buffer of this size is sent where a case goes through several."""
    return max(1, min(MOST_CALLS, CALLS_BYTES // num_bytes))


def phase(num_bytes: int) -> str:
    """Name the phase in which a buffer of this size is sent."""
    return f"buffer_{num_bytes}"


def lines(records: Sequence[Record]) -> Iterator[tuple[Record, Times]]:
    """Yield the times of each collective over sizes, with a record that says which it is.

    Sizes may be phases of one case or cases of their own.
    """
    found: dict[tuple[object, ...], tuple[Record, Times]] = {}
    for record in records:
        if record.case.problem in COLLECTIVES and record.outcome == "ok":
            _, known = found.setdefault(_line(record), (record, {}))
            known.update(_times(record))
    yield from (line for line in found.values() if line[1])


def _times(record: Record) -> Times:
    values: Mapping[str, object] = record.case.values
    largest, smallest = values["num_bytes"], values.get("from_bytes")
    assert isinstance(largest, int)
    if not isinstance(smallest, int):
        return {largest: record.rounds_of()} if "time" in record.samples else {}
    return {
        size: {key: value / calls(size) for key, value in record.rounds_of(phase(size)).items()}
        for size in sizes(largest, smallest)
        if phase(size) in record.samples
    }


def _line(record: Record) -> tuple[object, ...]:
    """Return what all sizes of a line share."""
    case = record.case
    apart = {k: v for k, v in case.values.items() if k not in ("num_bytes", "from_bytes")}
    options = tuple(sorted(case.options.items()))
    where = (case.dtype, case.device, case.threads, case.ranks)
    return (case.problem, case.variant, options, tuple(sorted(apart.items())), *where)
