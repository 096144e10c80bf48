"""What a process wrote to its log, as much of it as is worth keeping."""

from __future__ import annotations

from pathlib import Path

KEPT_BYTES = 1 << 16  # of a log: half of its beginning, half of its end


def read_log(path: Path, most: int = KEPT_BYTES) -> str:
    """Read a log; where it is longer than `most` bytes, leave out its middle and say so."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        if size <= most:
            return stream.read().decode(errors="replace")
        begun = stream.read(most // 2).decode(errors="replace")
        stream.seek(size - most // 2)
        ended = stream.read(most // 2).decode(errors="replace")
    cut = size - 2 * (most // 2)
    return f"{begun}\n[… {cut} bytes are left out here …]\n{ended}"
