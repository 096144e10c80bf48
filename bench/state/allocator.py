"""Which malloc serves this process, and how it was told to behave."""

from __future__ import annotations

import ctypes
import os
import platform
import re
from pathlib import Path

_M_TRIM_THRESHOLD = -1
_M_TOP_PAD = -2
_M_MMAP_THRESHOLD = -3
_MADV_HUGEPAGE = 14
_HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")

MMAP_THRESHOLD_BYTES = 32 << 20  # the largest glibc accepts
TRIM_THRESHOLD_BYTES = (2 << 30) - 1
TOP_PAD_BYTES = 128 << 10  # glibc's own
HUGE_PAGES_BYTES = 512 << 20  # of the heap; what is not touched costs nothing
PAGE_BYTES = 4096
OWN_MAPPING_BYTES = 64 << 10  # few blocks of Python's are as large; most tensors worth naming are

# What mallocs read, and how torch asks for huge pages.
_PREFIXES = ("MALLOC_", "_RJEM_MALLOC_", "MIMALLOC_", "TCMALLOC_", "THP_MEM_ALLOC_ENABLE")
_HARMLESS = re.compile(r"[\w.=:+-]*")  # no path, which may name a person


def fix() -> None:
    """Reuse freed blocks up to 32 MiB instead of mapping and faulting them anew in every call.

    Left to adapt, the thresholds change the time of a large case twofold. ValueError where it is
    not glibc's malloc that serves: nothing else can be told so.
    """
    if why := cannot_fix():
        raise ValueError(f"allocator=fixed: expected glibc's malloc; {why}; use allocator=system")
    _tell(_M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES)
    _tell(_M_TRIM_THRESHOLD, TRIM_THRESHOLD_BYTES)


def ask_for_huge_pages() -> bool:
    """Lay the heap's next blocks on huge pages, where the kernel grants them to who asks.

    Which small pages a process gets decides which of its data push each other out of a cache: that
    differs from process to process and is no property of the code. False where there are none.
    """
    if not _is_glibc(library()) or "[never]" in _read(_HUGE_PAGES):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    libc.malloc.restype = libc.sbrk.restype = ctypes.c_void_p
    _tell(_M_TOP_PAD, HUGE_PAGES_BYTES)
    held = libc.malloc(ctypes.c_size_t(MMAP_THRESHOLD_BYTES - PAGE_BYTES)) or 0
    end = libc.sbrk(ctypes.c_long(0)) or 0
    _tell(_M_TOP_PAD, TOP_PAD_BYTES)
    begin = (held + PAGE_BYTES - 1) & -PAGE_BYTES
    inside = bool(held) and end - begin > HUGE_PAGES_BYTES  # else it had to be mapped elsewhere
    asked = inside and not libc.madvise(
        ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), _MADV_HUGEPAGE
    )
    libc.free(ctypes.c_void_p(held))
    return bool(asked)


def cannot_fix() -> str:
    """Say why the thresholds of this process's malloc cannot be fixed; empty where they can."""
    name = library()
    return "" if _is_glibc(name) else f"{name} serves here"


def separate_blocks() -> bool:
    """Give every block of 64 KiB and more a mapping of its own, which malloc then counts.

    Say whether it can: where another library than glibc serves, nothing is counted. malloc maps
    only what its heap has no room for, so the room that freed blocks have left is used up first.
    """
    if not _counts() or not _tell(_M_MMAP_THRESHOLD, OWN_MAPPING_BYTES):
        return False
    _use_up(_mallinfo2().fordblks)
    return True


def separate_bytes() -> int:
    """Return the bytes alive in mappings of their own, whoever holds them, pages rounded up."""
    return int(_mallinfo2().hblkhd)


def heap_bytes() -> int | None:
    """Return what malloc has handed out and not got back; None where it does not tell."""
    if not _counts():
        return None
    found = _mallinfo2()
    return int(found.uordblks + found.hblkhd)


def served_by(thresholds_fixed: bool, huge_pages: bool = False) -> str:
    """Tell in words which malloc serves, and what it was told by us or by the environment."""
    told = ["thresholds fixed"] if thresholds_fixed else []
    told += ["huge pages"] if huge_pages else []
    told += [f"{name}={value}" for name, value in sorted(_variables().items())]
    return ", ".join([_words(library()), *told])


def library() -> str:
    """Name the file that this process's calls of `posix_memalign`, torch's, end in."""
    found = _SymbolInfo()
    whole = ctypes.CDLL(None)
    address = ctypes.cast(whole.posix_memalign, ctypes.c_void_p)
    whole.dladdr(address, ctypes.byref(found))
    return Path(os.fsdecode(found.file or b"unknown")).name


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return "[never]"  # a kernel without them


def _is_glibc(name: str) -> bool:
    return name.startswith("libc.so") and platform.libc_ver()[0] == "glibc"


def _counts() -> bool:
    """Say whether what serves is a glibc that counts in 64 bits: 2.33 or newer."""
    return _is_glibc(library()) and hasattr(ctypes.CDLL(None), "mallinfo2")


def _words(name: str) -> str:
    return " ".join(platform.libc_ver()) if _is_glibc(name) else name


def _variables() -> dict[str, str]:
    """Return what the environment tells a malloc; a value that may name a file is left out."""
    found = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(_PREFIXES) or (name == "GLIBC_TUNABLES" and "glibc.malloc" in value)
    }
    return {n: v if _HARMLESS.fullmatch(v) else "…" for n, v in found.items()}


def _use_up(free_bytes: int) -> None:
    """Take from the heap, for good, every free block of 64 KiB and more: large ones first."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    size = OWN_MAPPING_BYTES << max(free_bytes // OWN_MAPPING_BYTES, 1).bit_length()
    while size >= OWN_MAPPING_BYTES and free_bytes >= 0:
        mapped_before = _mallinfo2().hblks
        taken = libc.malloc(ctypes.c_size_t(size))
        if taken and _mallinfo2().hblks == mapped_before:
            free_bytes -= size
        else:
            libc.free(ctypes.c_void_p(taken))
            size //= 2


def _tell(parameter: int, value: int) -> bool:
    return bool(ctypes.CDLL(None).mallopt(parameter, value))


class _SymbolInfo(ctypes.Structure):
    """`Dl_info` of dlfcn.h."""

    _fields_ = (
        ("file", ctypes.c_char_p),
        ("base", ctypes.c_void_p),
        ("symbol", ctypes.c_char_p),
        ("address", ctypes.c_void_p),
    )


_FIELDS = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"


class _Mallinfo2(ctypes.Structure):
    """`struct mallinfo2` of malloc.h: bytes and counts of all arenas."""

    _fields_ = tuple((name, ctypes.c_size_t) for name in _FIELDS.split())


def _mallinfo2() -> _Mallinfo2:
    function = ctypes.CDLL(None).mallinfo2
    function.restype = _Mallinfo2
    found: _Mallinfo2 = function()
    return found
