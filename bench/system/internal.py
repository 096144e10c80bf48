"""A fault of the instrument itself: one line, an exit code of its own, and the traceback kept."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from pathlib import Path

from bench.errors import INTERNAL, InternalError
from bench.system.terminal import complain

CHARACTERS = 300  # of a message in the one line; the file has it whole


def report(error: BaseException) -> int:
    """Tell a fault in one line that names where its traceback is; return the exit code."""
    told = str(error) if isinstance(error, InternalError) else _in_words(error)
    text = "".join(traceback.format_exception(error))
    kept = _keep(text + getattr(error, "said", ""))
    where = f"its traceback is in {kept}" if kept else "its traceback follows, no file takes it"
    complain(f"a fault of the tool itself: {told[:CHARACTERS]}; {where}")
    if not kept:
        sys.stderr.write(text)
    return INTERNAL


def _in_words(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{where}"


def _keep(text: str) -> str:
    """Return the file that a traceback was written to; nothing where none can be written."""
    try:
        descriptor, path = tempfile.mkstemp(prefix="touchstone-fault-", suffix=".txt")
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError:
        return ""
    return path
