"""What a worker is before it does anything: its switches, its allocator, the libraries in it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from bench.state.kept import plain_state

_ALLOCATORS = re.compile(r"(jemalloc|tcmalloc|mimalloc|hoard|snmalloc|scudo)")
_OPENMP = re.compile(r"lib(gomp|omp|iomp5)\b")
_BLAS = re.compile(r"(openblas|mkl_rt|mkl_core|blis|armpl|nvpl|accelerate)")


def of_process(libraries: list[Path]) -> dict[str, str]:
    """Return facts of this process, by name."""
    return {
        "allocator": _first(_ALLOCATORS, libraries) or "of the C library",
        "openmp": _all(_OPENMP, libraries) or "none",
        "blas_libraries": _all(_BLAS, libraries) or "inside torch",
        **plain_state(),
    }


def loaded() -> list[Path]:
    """List the shared objects in this process, in alphabetical order."""
    lines = os.fsdecode(Path("/proc/self/maps").read_bytes()).splitlines()
    paths = {line.split(maxsplit=5)[-1] for line in lines if ".so" in line}
    return sorted(Path(path) for path in paths if path.startswith("/"))


def _first(pattern: re.Pattern[str], libraries: list[Path]) -> str:
    found = (pattern.search(path.name) for path in libraries)
    return next((match[1] for match in found if match), "")


def _all(pattern: re.Pattern[str], libraries: list[Path]) -> str:
    found = {match[1] for path in libraries if (match := pattern.search(path.name))}
    return ",".join(sorted(found))
