"""Read several run folders; large ones beside each other, and beside what else is to be done."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from bench.store.reading import read
from bench.store.run import Run
from bench.system import process

LARGE_BYTES = 8 << 20  # of attempts in one folder: reading takes longer than a process costs


def read_together(folders: Sequence[Path], meanwhile: Callable[[], object]) -> list[Run]:
    """Read run folders in order, and do what is to be done anyway; UserError of the first at fault.

    Each large folder has a process of its own, where there is a core for it.
    """
    most = min(len(os.sched_getaffinity(0)), len(folders))
    if most < 2 or not any(_bytes(folder) > LARGE_BYTES for folder in folders):
        return [read(folder) for folder in folders]
    forking = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(most, forking, _obedient, (os.getpid(),)) as readers:
        pending = [readers.submit(read, folder) for folder in folders]
        meanwhile()
        return [one.result() for one in pending]


def _obedient(parent: int) -> None:
    """End with the parent, which alone tells of an interruption."""
    process.die_with_parent(parent)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _bytes(folder: Path) -> int:
    try:
        return (folder / "records.jsonl").stat().st_size
    except OSError:
        return 0  # whatever is wrong is said by whoever reads it
