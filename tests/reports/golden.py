"""The golden run, and what is written of it compared with what was written before."""

from __future__ import annotations

import os
from pathlib import Path

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
UPDATE = "TOUCHSTONE_UPDATE_GOLDEN" in os.environ


def expect_golden(name: str, text: str) -> None:
    path = GOLDEN / name
    if UPDATE:
        path.write_text(text)
    assert text == path.read_text(), f"{name} changed; look, then set TOUCHSTONE_UPDATE_GOLDEN=1"
