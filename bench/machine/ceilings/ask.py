"""The parent's side: have a fork server's workers measure every ceiling that some cases need."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from bench.cases.case import Case
from bench.machine.ceilings.roofline import Ceilings
from bench.sides.server import Server, ServerDied

TIMEOUT_S = 60.0


def needed(cases: Iterable[Case]) -> list[tuple[str, int]]:
    """Return each device with its numbers of threads; one thread always: who may use more can.

    A GPU does what it does whatever the host's threads are.
    """
    asked = [
        (case.device, threads)
        for case in cases
        for threads in ((1, case.threads) if case.device == "cpu" else (1,))
    ]
    return sorted(set(asked))


def ask(
    server: Server,
    wanted: Iterable[tuple[str, int]],
    log: Path,
    tell: Callable[[str], None],
) -> list[Ceilings]:
    """Measure each in a worker of its own; tell of what failed or was disturbed, and why."""
    found = []
    for device, threads in wanted:
        name = f"the ceilings of {device} with {threads} thread{'' if threads == 1 else 's'}"
        asked = {"device": device, "threads": threads}
        try:
            reply = server.attempt(
                {"ceilings": asked, "timeout_s": TIMEOUT_S, "log": str(log.resolve())}
            )
        except ServerDied:
            tell(f"{name} could not be measured: the worker server died")
            break
        if reply["outcome"] != "ok":
            tell(f"{name} could not be measured: {reply['outcome']}: {reply.get('detail', '')}")
            continue
        found.append(msgspec.convert(reply["ceilings"], Ceilings))
        if found[-1].disturbed:
            tell(f"{name} were disturbed by other work, and bound nothing")
    return found
