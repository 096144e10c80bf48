"""Two witnesses of a count of tensors that know nothing of tensors, and how far they may differ.

A count that they contradict is no count: then there is no number, and the reason is told.
"""

from __future__ import annotations

from collections.abc import Sequence

# Beside tensors malloc holds large blocks of Python (tables of names, sources), of the profiler and
# of libraries; some of before are freed. Found over the smoke cases: 0.5 MiB less to 5.4 MiB more.
LARGE_SLACK_BYTES = 8 << 20
# A mapping is a whole number of pages and has a header.
BLOCK_SLACK_BYTES = 8 << 10
# Pages of code, stacks and small blocks that a call touches for the first time. Found: 1 MiB.
RESIDENT_SLACK_BYTES = 8 << 20


def malloc_contradicts(held: int | None, counted: Sequence[int], foreign: int) -> str:
    """Compare what malloc holds in large blocks with those counted; say how they disagree.

    More: something holds blocks that no tensor shows, as a thread that nobody followed. Less: what
    was counted is gone. `foreign` bytes may come from malloc, as NumPy's do, or from a file. Blocks
    below 64 KiB are in neither sum. All in bytes; None where malloc does not tell.
    """
    slack = LARGE_SLACK_BYTES + BLOCK_SLACK_BYTES * len(counted)
    low, high = sum(counted) - slack, sum(counted) + foreign + slack
    if held is None or low <= held <= high:
        return ""
    than = "more than" if held > high else "less than"
    return (
        f"malloc holds {_mib(held)} in large blocks, {than} the {_mib(sum(counted) + foreign)} "
        "of the tensors seen"
    )


def resident_set_contradicts(grown: int, counted: int, num_blocks: int) -> str:
    """Compare how far the resident set grew in a call with the growth counted, in bytes.

    More: the call used memory that is no tensor's, or that nobody saw. Less says nothing: memory
    that was never written is not resident, and small blocks find room in pages that are.
    """
    if grown <= counted + RESIDENT_SLACK_BYTES + BLOCK_SLACK_BYTES * num_blocks:
        return ""
    return f"the process grew by {_mib(grown)} in a call, the tensors seen by {_mib(counted)}"


def _mib(count: int) -> str:
    return f"{count / 2**20:.1f} MiB"
