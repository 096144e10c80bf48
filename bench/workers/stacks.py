"""Read the stacks that ranks dumped, and tell who waits from whom it waits for."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+) in (?P<function>\S+)')


@dataclass(frozen=True)
class Frame:
    """The innermost Python frame of a rank."""

    rank: int
    file: str
    line: str
    function: str

    @property
    def waiting(self) -> bool:
        """Say whether it stands in torch, as a rank does that waits for another."""
        return "/torch/" in self.file

    def __str__(self) -> str:
        name = "/".join(Path(self.file).parts[-2:])
        return f"rank {self.rank} stands in {self.function} ({name}:{self.line})"


def describe_stacks(folder: Path, ranks: range) -> str:
    """Name the ranks that stand outside torch first; their stacks go to stderr, the kept log."""
    found = [_innermost(folder, rank) for rank in ranks]
    frames = [frame for frame in found if frame is not None]
    hung = [frame for frame in frames if not frame.waiting]
    if not frames:
        return "no rank could say where it stands"
    told = "; ".join(str(frame) for frame in (hung or frames))
    others = len(frames) - len(hung)
    return (
        f"{told}; {others} other{'s wait' if others > 1 else ' waits'}" if hung and others else told
    )


def _innermost(folder: Path, rank: int) -> Frame | None:
    try:
        text = (folder / f"{rank}.stack").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    sys.stderr.write(f"rank {rank}:\n{text}\n")
    frame = _FRAME.search(text)  # faulthandler writes the most recent call first
    return Frame(rank, frame["file"], frame["line"], frame["function"]) if frame else None
