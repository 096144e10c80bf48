"""Bytes in use on the C heap: a witness that knows nothing of tensors (glibc's mallinfo2)."""

from __future__ import annotations

import ctypes
from functools import cache


class _Mallinfo2(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena",
            "ordblks",
            "smblks",
            "hblks",
            "hblkhd",
            "usmblks",
            "fsmblks",
            "uordblks",
            "fordblks",
            "keepcost",
        )
    ]


def heap_bytes() -> int | None:
    """Return what malloc has handed out and not got back, in bytes; None without glibc 2.33."""
    mallinfo2 = _mallinfo2()
    if mallinfo2 is None:
        return None
    found = mallinfo2()
    return int(found.uordblks + found.hblkhd)


@cache
def _mallinfo2() -> ctypes._NamedFuncPointer | None:
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallinfo2"):
        return None
    function = library.mallinfo2
    function.restype = _Mallinfo2
    return function
