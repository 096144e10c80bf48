"""Outcome: what came of an attempt, by the exception that ended it."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch

from bench.cases.problem import Incorrect
from bench.cases.variant import Unsupported
from bench.checking.compiler import why_not

Reply = dict[str, Any]

_OUT_OF_MEMORY_WORDS = (
    "can't allocate memory",
    "cannot allocate memory",
    "out of memory",
    "not enough memory",
    "std::bad_alloc",
    # of cuBLAS, cuDNN and CUDA, whose own memory torch's allocator does not hand out
    "_status_alloc_failed",
    "device_allocation_failed",
    "cudaerrormemoryallocation",
)


def outcome_of(work: Callable[[], Reply]) -> Reply:
    """Do the work; where it raises, return the outcome that this is."""
    try:
        return work()
    except BaseException as error:  # the one broad except: whatever a variant raises is an outcome
        if not isinstance(error, Unsupported):
            traceback.print_exc()
        return _as_outcome(error)


def _as_outcome(error: BaseException) -> Reply:
    text = f"{type(error).__name__}: {error}".strip()
    if isinstance(error, Incorrect):
        return {
            "outcome": "incorrect",
            "detail": str(error),
            "measurements": [asdict(m) for m in error.measurements],
        }
    if isinstance(error, Unsupported):
        return {"outcome": "unsupported", "detail": str(error)}
    if isinstance(error, SystemExit):
        return {"outcome": "crash", "detail": f"left by sys.exit({error.code!r})"}
    if isinstance(error, ModuleNotFoundError):
        return {"outcome": "unsupported", "detail": f"needs a package that is missing: {error}"}
    if reason := why_not(error):
        return {"outcome": "unsupported", "detail": reason}
    if _is_out_of_memory(error):
        return {"outcome": "oom", "detail": text}
    return {"outcome": "error", "detail": text}


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(
        words in str(error).lower() for words in _OUT_OF_MEMORY_WORDS
    )
