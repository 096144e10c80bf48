"""Provision: what must exist on disk before anything is measured, made in a process of its own.

`python -m bench.workers.provision PARENT` reads cases (a JSON list) on stdin, lets each of their
problems and variants make what it needs, and tells its progress in JSON lines.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from typing import Any

import torch

from bench.cases.case import Case
from bench.selecting.discover import provisions
from bench.system import own, process


def main() -> None:
    """Provide for every case; one that fails is told, and stops no other."""
    process.die_with_parent(int(sys.argv.pop()))
    own.settle(own.OF_WORKERS)
    lines = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints must not garble the lines
    torch.set_num_threads(1)  # what is trained must not depend on the number of cores

    def tell(**line: Any) -> None:
        lines.write(json.dumps(line) + "\n")
        lines.flush()

    for whose, provide in provisions([Case(**case) for case in json.load(sys.stdin)]):
        try:
            provide(lambda what, share: tell(what=what, share=share))
        except Exception as error:  # its cases will fail their check, and say what they lack
            traceback.print_exc()
            tell(failed=f"{whose}: {type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
