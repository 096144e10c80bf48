"""Two witnesses of a count of tensors that know nothing of tensors, and how far they may differ.

A count that they contradict is no count: then there is no number, and the reason is told.
"""

from __future__ import annotations

from collections.abc import Sequence

# Some blocks of before are freed. Found over all cases of smoke and quick: 0.5 MiB.
LESS_SLACK_BYTES = 8 << 20
# Beside tensors malloc holds large blocks of Python (tables of names, sources), of the profiler and
# of libraries. Found there: to 5.4 MiB, and with what oneDNN keeps for 16-bit products and MKL for
# very long ones, to 12.7 MiB.
MORE_SLACK_BYTES = 16 << 20
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
    rounded = BLOCK_SLACK_BYTES * len(counted)
    low = sum(counted) - LESS_SLACK_BYTES - rounded
    high = sum(counted) + foreign + MORE_SLACK_BYTES + rounded
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
