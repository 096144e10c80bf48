"""How often a timed step waits for the card, and by whose code."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch

from bench.cases.case import Case
from bench.state import Kept
from bench.system.own import OF_WORKERS, ROOT
from bench.timing.clocks.cuda_wall import marked
from bench.workers.contest import prepare

_SAID = "called a synchronizing CUDA operation"
_OURS = tuple(str(Path(ROOT, wing)) for wing in OF_WORKERS)


def counted(case: dict[str, Any]) -> dict[str, int]:
    """Call a case's step twice, and count the waits of the second call, which is a steady one."""
    asked = Case(**case)
    torch.cuda.set_device(asked.device)
    torch.set_grad_enabled(asked.pass_ != "fwd")
    contest = prepare(asked, {}, Kept())
    if contest.phases is not None:
        contest.phases.mark = marked  # as when it is timed
    inputs = contest.problem.make_inputs(0, contest.setting)
    contest.reset()
    contest.call(inputs)
    torch.cuda.synchronize()
    return by_whom(_waits_in(lambda: contest.call(inputs)))


def by_whom(said: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Count torch's warnings of waits, pairs of a message and the file it is about."""
    files = [file for message, file in said if _SAID in message]
    ours = sum(file.startswith(_OURS) for file in files)
    return {"ours": ours, "theirs": len(files) - ours}


def _waits_in(call: Callable[[], Any]) -> list[tuple[str, str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            call()
        finally:
            torch.cuda.set_sync_debug_mode("default")
    return [(str(warning.message), warning.filename) for warning in caught]
