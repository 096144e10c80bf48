"""The folder of a comparison while it is made: `ab.json` and the runs of both sides."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bench.store import Run
from bench.store.paired import STAGES, Pairing
from bench.system.files import write_whole

LETTERS = ("A", "B")


@dataclass
class Comparison:
    """The folder, its `ab.json` and the runs of both sides."""

    folder: Path
    pairing: Pairing
    runs: tuple[Run, Run]

    def update(self, **changes: Any) -> None:
        """Change facts of `ab.json`, and write it anew."""
        self.pairing = replace(self.pairing, **changes)
        text = json.dumps(asdict(self.pairing), indent=1) + "\n"
        write_whole(self.folder / "ab.json", text.encode())

    def reach(self, stage: str) -> None:
        """Note how far it has come: a resume does what is lacking, and takes nothing back."""
        if STAGES.index(stage) > STAGES.index(self.pairing.stage):
            self.update(stage=stage)
