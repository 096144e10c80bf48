"""Why a GPU holds its clocks down, in words; NVML's clock event reasons are bits of one number.

https://docs.nvidia.com/deploy/nvml-api/group__nvmlClocksEventReasons.html
"""

from __future__ import annotations

# Reasons that make the same kernel slower than it was a moment ago.
SLOWING = {
    0x004: "power cap",
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
    """Name the reasons that mean slowing."""
    return [words for bit, words in SLOWING.items() if reasons & bit]
