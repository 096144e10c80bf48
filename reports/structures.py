"""What a call did, as columns beside what the problem declares."""

from __future__ import annotations

from typing import Any

from bench.judging.record import Record


def structure_columns(record: Record) -> dict[str, Any]:
    """Return the counts of a record's structure; nothing where none was recorded."""
    did = record.structure
    if did is None or record.outcome != "ok":
        return {}
    return {
        "counted_flops": did.flops,
        "operators": sum(did.operators.values()),
        "operators_read_bytes": did.bytes_read,
        "operators_written_bytes": did.bytes_written,
        "host_reads": sum(did.host_reads.values()),
        "autograd_nodes": sum(did.nodes.values()),
        "fused_kernels": sum(did.kernels.values()),
        "allocations": did.allocations,
        "allocated_bytes": did.allocated_bytes,
        "structure": did.digest,
    }
