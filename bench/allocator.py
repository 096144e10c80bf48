"""Fix glibc's malloc thresholds in a worker: left to adapt, they change a large case twofold."""

import ctypes

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3

MMAP_THRESHOLD_BYTES = 32 << 20  # the largest glibc accepts
TRIM_THRESHOLD_BYTES = (2 << 30) - 1


def fix() -> None:
    """Reuse freed blocks up to 32 MiB instead of mapping and faulting them anew in every call."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # musl has none, and nothing that adapts
        mallopt(_M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES)
        mallopt(_M_TRIM_THRESHOLD, TRIM_THRESHOLD_BYTES)
