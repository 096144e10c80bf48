"""Where the profiles of a run lie: a folder a case, a few files a rank."""

from __future__ import annotations

import re
from hashlib import blake2b
from pathlib import Path

from bench.cases.case import Case

FOLDER = "profiles"


def folder_name(case: Case) -> str:
    """Return the name of a case's folder: readable, and no other case's."""
    words = re.sub(r"[^a-z0-9]+", "-", f"{case.suite}-{case.variant}".lower())[:60].strip("-")
    return f"{words}-{blake2b(case.id.encode(), digest_size=4).hexdigest()}"


def folder_of(run: Path, case: Case) -> Path:
    """Return the folder of a case's profile in a run's folder."""
    return run / FOLDER / folder_name(case)


def trace_path(folder: Path, rank: int) -> Path:
    return folder / f"rank{rank}.trace.json.gz"


def facts_path(folder: Path, rank: int) -> Path:
    return folder / f"rank{rank}.json"


def flame_path(folder: Path, rank: int) -> Path:
    return folder / f"rank{rank}.speedscope.json"


def snapshot_path(folder: Path, rank: int) -> Path:
    return folder / f"rank{rank}.cuda-memory.pickle"
