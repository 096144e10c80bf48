"""The replies of ranks: each rank's own part of a request, one reply made of all, who failed."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from bench.timing.sampling import RANK_TIME

Reply = dict[str, Any]

_POLL_S = 0.002


def own_part(request: Reply, rank: int, ranks: int, local_ranks: int) -> Reply:
    """Return the request with this rank's fingerprints and share of its machine's memory."""
    part = dict(request)
    prints = request.get("fingerprints") or []
    each = len(prints) // ranks
    part["fingerprints"] = prints[rank * each : (rank + 1) * each]
    if request.get("memory_limit_bytes"):
        part["memory_limit_bytes"] = request["memory_limit_bytes"] // local_ranks
    return part


def merge(replies: list[Reply]) -> Reply:
    """Make one reply of those of all ranks, in order of rank.

    A quantity of the job is the maximum over ranks, sample by sample; what differs between ranks
    is kept beside it, rank by rank.
    """
    first = replies[0]
    measurements: list[Reply] = []
    for own in zip(*(reply.get("measurements", []) for reply in replies), strict=True):
        measurements += _of_the_job(list(own))
    return {
        **first,
        "measurements": measurements,
        "fingerprints": [one for reply in replies for one in reply.get("fingerprints", [])],
        "tolerances": _widest([reply.get("tolerances", []) for reply in replies]),
        "measuring_s": max(reply.get("measuring_s", 0.0) for reply in replies),
        "call_s": max(reply.get("call_s", 0.0) for reply in replies),
        "flags": list(dict.fromkeys(flag for reply in replies for flag in reply.get("flags", []))),
        "detail": _first_detail(replies),
    }


def _first_detail(replies: list[Reply]) -> str:
    """Return what the lowest rank that has something to say says, and which that is."""
    said = ((rank, reply.get("detail", "")) for rank, reply in enumerate(replies))
    return next((f"rank {rank}: {detail}" for rank, detail in said if detail), "")


def _of_the_job(own: list[Reply]) -> list[Reply]:
    name = own[0]["quantity"]
    if others := {m["quantity"] for m in own} - {name}:
        raise ValueError(f"expected ranks to measure the same, got {name} and {min(others)}")
    kept = "time" if name == RANK_TIME else name
    by_rank = [{**m, "quantity": kept, "rank": rank} for rank, m in enumerate(own)]
    if name == RANK_TIME:
        return by_rank
    samples = [max(together) for together in zip(*(m["samples"] for m in own), strict=True)]
    same = all(m["samples"] == own[0]["samples"] for m in own)
    return [{**own[0], "samples": samples}, *([] if same else by_rank)]


def _widest(tolerances: list[list[list[float]]]) -> list[tuple[float, ...]]:
    return [
        tuple(max(bounds) for bounds in zip(*pairs, strict=True))
        for pairs in zip(*tolerances, strict=True)
    ]


def announce(folder: Path, rank: int) -> None:
    """Leave the rank's pid where the host finds it."""
    (folder / f"{rank}.pid").write_text(str(os.getpid()))


def await_all(folder: Path, ranks: range) -> None:
    """Wait until every rank of this machine has been forked.

    Until then none may talk to the host's store: its thread would work, and hold locks, while
    the next rank is forked, which would inherit them locked for ever.
    """
    while any(pid_of(folder, rank) is None for rank in ranks):
        time.sleep(_POLL_S)


def pid_of(folder: Path, rank: int) -> int | None:
    """Return the pid of a rank; None where it has not come up."""
    try:
        return int((folder / f"{rank}.pid").read_text())
    except (OSError, ValueError):
        return None


def leave(folder: Path, rank: int, reply: Reply) -> None:
    """Leave a failed rank's reply where the host finds it, with the moment of its failure."""
    told = {**reply, "rank": rank, "failed_at": time.monotonic()}
    partial = folder / f"{rank}.partial"
    partial.write_text(json.dumps(told))
    partial.rename(folder / f"{rank}.reply")


def failure(folder: Path, error: Exception) -> Reply:
    """Tell which rank failed first and how: a signal, or the earliest reply that was left.

    `error` is what torchrun's engine raised: it names the process whose end it noticed first.
    """
    signalled = [
        (rank, failed)
        for rank, failed in getattr(error, "failures", {}).items()
        if failed.exitcode < 0
    ]
    if signalled:
        rank, failed = signalled[0]
        return {
            "outcome": "crash",
            "detail": f"rank {rank} died of {failed.signal_name()} without a result",
        }
    left = [json.loads(path.read_text()) for path in folder.glob("*.reply")]
    if not left:
        return {"outcome": "crash", "detail": f"the ranks ended without a result: {error}"[:400]}
    worst = min(left, key=lambda reply: reply.pop("failed_at"))
    rank = worst.pop("rank")
    return {**worst, "detail": f"rank {rank}: {worst.get('detail', '')}"}
