"""One attempt in a process that forks nothing: `python -m bench.workers.alone REQUEST REPLY`.

For tools that watch a process from outside, as NVIDIA's Nsight does; both names are JSON files.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from bench.system import own


def main() -> None:
    """Do the request, and leave its reply."""
    request, reply = map(Path, sys.argv[1:3])
    own.settle(own.OF_WORKERS)
    import torch

    from bench.state import remember
    from bench.workers.worker import attempt

    if torch.version.cuda:
        from bench.state.float32 import set_float32_products

        set_float32_products("ieee")
    remember()
    reply.write_text(json.dumps(attempt(json.loads(request.read_text()))))


if __name__ == "__main__":
    main()
