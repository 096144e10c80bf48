"""One trial: `python -m bench.running.proving.gpucheck.one PARENT TRIAL PART DEVICE FOLDER WAIT`.

It leaves `finding.json` in the folder, whatever the trial raises; a process that leaves none died.
"""

from __future__ import annotations

import json
import signal
import sys
import traceback
from dataclasses import asdict
from pathlib import Path
from types import FrameType

from bench.errors import UserError
from bench.running.proving.gpucheck.finding import (
    Failed,
    Finding,
    NotTold,
    Skipped,
    out_of_range,
    word_of,
)
from bench.running.proving.gpucheck.looking import ask
from bench.running.proving.gpucheck.trial import Here
from bench.system import own, process

FILE = "finding.json"


def main() -> None:
    """Run the trial, and leave what it came to."""
    parent, name, part, device, folder, wait = sys.argv[1:]
    own.settle(own.WINGS)
    process.die_with_parent(int(parent))
    process.adopt_orphans()
    signal.signal(signal.SIGTERM, _leave)
    found = finding_of(name, Here(device, Path(folder), part, wait == "wait"))
    (Path(folder) / FILE).write_text(json.dumps(asdict(found)))


def finding_of(name: str, here: Here) -> Finding:
    """Run a trial; whatever it raises is a finding too."""
    try:
        figures = ask(name, here)
    except Skipped as error:
        return Finding(name, "skipped", detail=str(error))
    except NotTold as error:
        return Finding(name, "not told", detail=str(error))
    except (Failed, UserError) as error:
        return Finding(name, "failed", detail=str(error))
    except Exception as error:  # one trial's fault must not cost the others
        traceback.print_exc()
        detail = f"the trial itself raised {type(error).__name__}: {error}"
        return Finding(name, "failed", detail=detail, by_fault=True)
    return Finding(name, word_of(figures), figures, out_of_range(figures))


def _leave(_signum: int, _frame: FrameType | None) -> None:
    process.end_descendants()
    raise SystemExit(1)


if __name__ == "__main__":
    main()
