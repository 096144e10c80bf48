"""What a call did, as columns beside what the problem declares."""

from __future__ import annotations

from typing import Any

from bench.judging.record import Record

COLUMNS = (
    "counted_flops",
    "operators",
    "operators_read_bytes",
    "operators_written_bytes",
    "host_reads",
    "autograd_nodes",
    "fused_kernels",
    "allocations",
    "allocated_bytes",
    "structure",
)


def structure_columns(record: Record) -> dict[str, Any]:
    """Return the counts of a record's structure; nothing where none was recorded."""
    did = record.structure
    if did is None or record.outcome != "ok":
        return {}
    counts = (
        did.flops,
        sum(did.operators.values()),
        did.bytes_read,
        did.bytes_written,
        sum(did.host_reads.values()),
        sum(did.nodes.values()),
        sum(did.kernels.values()),
        did.allocations,
        did.allocated_bytes,
        did.digest,
    )
    return dict(zip(COLUMNS, counts, strict=True))
