"""Why a GPU holds its clocks down, in words; NVML's clock event reasons are bits of one number.

https://docs.nvidia.com/deploy/nvml-api/group__nvmlClocksEventReasons.html
"""

from __future__ import annotations

# A kernel that draws all the board may have is held there by its own appetite: that is its speed on
# this board, and its rivals' measure too. It is told, and bars nothing.
CAPPED = {0x004: "power cap"}
# Reasons that make the same kernel slower than it was a moment ago.
SLOWING = {
    0x008: "hardware slowdown",
    0x020: "too hot (driver)",
    0x040: "too hot (hardware)",
    0x080: "power brake",
    0x200: "board limit",
}
# Settings and states that hold for a whole run, or while nothing runs: not throttling.
STEADY = {
    0x001: "idle",
    0x002: "application clocks",
    0x010: "sync boost",
    0x100: "display clocks",
    0x400: "reliability limit",
}


def slowing(reasons: int) -> bool:
    """Say whether any of the reasons means slowing."""
    return any(reasons & bit for bit in SLOWING)


def in_words(reasons: int) -> list[str]:
    """Name the reasons that hold the clocks below what was asked of them."""
    return [words for bit, words in (CAPPED | SLOWING).items() if reasons & bit]
