"""`bench selftest`: measure the same code against itself, and remember how far it differs."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.cases.case import Case
from bench.cases.counted import counted
from bench.commands.interruption import STOPS, interrupted
from bench.commands.options import (
    WEEK_S,
    Device,
    Keyword,
    Output,
    Preset,
    Seed,
    Sets,
    Timeout,
    Wait,
)
from bench.errors import NOTHING_MEASURED, UserError
from bench.judging.noise import learned
from bench.judging.noise_file import kept, noise_path, remember
from bench.machine import facts as machine
from bench.running.lock import device_lock
from bench.running.progress import TerminalProgress, clock_time
from bench.running.proving.selftest.plan import manifest_of, plan
from bench.running.proving.selftest.pretend import measure_blocks
from bench.sides.selection import select
from bench.sides.side import Side
from bench.store import Run, create
from bench.store.known_noise import CLOCKS
from bench.system.terminal import Screen

Selected = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SELECTOR]...",
        help="As in `bench run`. Default: the yardsticks, tiny workloads of every kind.",
        show_default=False,
    ),
]


def selftest(
    selectors: Selected = None,
    keyword: Keyword = "",
    sets: Sets = None,
    preset: Preset = "quick",
    device: Device = "auto",
    minutes: Annotated[
        float,
        typer.Option(
            min=0.1,
            max=WEEK_S / 60,
            help="Shorten the samples so that it takes about so long.",
        ),
    ] = 4.0,
    blocks: Annotated[int, typer.Option(min=1, help="Sessions, each with a pause before it.")] = 4,
    rounds: Annotated[int, typer.Option(min=2, help="Rounds in a block.")] = 5,
    pause: Annotated[
        float,
        typer.Option(min=0, max=WEEK_S, help="Seconds between blocks."),
    ] = 5.0,
    timeout: Timeout = 120.0,
    seed: Seed = None,
    output: Output = Path("runs"),
    wait: Wait = False,
) -> None:
    """Measure the same code against itself, as if it were two sides: what noise this machine has.

    Says what differs between processes, rounds and sessions, how often the verdict rule would
    raise a false alarm, and the smallest change that would show. What it finds is kept: every run
    from then on knows it, and the more selftests on different days, the better.

    **Examples**

    - `bench selftest`
    - `bench selftest --minutes 20 --blocks 8`
    - `bench selftest attention -k bfloat16 --preset smoke`

    Exit codes: 0 done, 2 usage or bad input, 3 no case ok, 4 cannot write, 70 a fault of the tool
    itself, 130 interrupted.
    """
    console = Screen()
    asked = selectors or _yardsticks()
    chosen = select(Side(), asked, keyword, sets or [], preset, device, {})
    cases, where = _timed(chosen.cases), chosen.device
    planned = plan(cases, minutes, blocks, rounds, pause)
    console.print(
        f"{counted(len(cases), 'case')} on {where}, {counted(blocks, 'block')} of "
        f"{counted(rounds, 'round')} of pairs: "
        f"about {clock_time(planned.seconds(cases))}",
    )
    _noise_file(machine.facts(), where)  # a damaged one is refused before, not after
    with device_lock(where, wait, cases):
        found = create(output, manifest_of(planned, cases, where, seed, timeout))
        _measure(console, found, blocks, pause)
    _tell(console, found)


def _yardsticks() -> list[str]:
    """Return the packages of workloads that installed suites offer to test the instrument on."""
    return sorted(point.value for point in entry_points(group="touchstone.yardsticks"))


def _timed(cases: list[Case]) -> list[Case]:
    """Return the cases that can be timed, each for all rounds, and for its time alone."""
    timed = [replace(case, rounds=None, quality_seeds=0) for case in cases if case.timed]
    if not timed:
        raise UserError("the selection has no case that is timed", NOTHING_MEASURED)
    return timed


def _noise_file(environment: dict[str, Any], device: str) -> Path:
    """Return the file that this machine's selftests are kept in; UserError if it is damaged."""
    path = noise_path(environment["machine_id"], device)
    kept(path)
    return path


def _measure(console: Screen, found: Run, blocks: int, pause_s: float) -> None:
    try:
        with TerminalProgress(console) as progress:
            measure_blocks(found, blocks, pause_s, progress)
    except STOPS:
        raise interrupted(
            f"interrupted; what was measured is in {found.folder}, and nothing was learned from it"
        ) from None


def _tell(console: Screen, found: Run) -> None:
    """Keep what was measured, and say what follows from it and from all that was kept before."""
    # these bring NumPy, which `bench --help` must not wait for
    from bench.running.proving.selftest import alarms, findings, recorded, table, words

    sessions = recorded.sessions_of(found)
    if not any(session.cases for session in sessions):
        raise UserError("no case ran to its end; nothing was learned", NOTHING_MEASURED)
    path = _noise_file(found.last_session.environment, found.manifest.device)
    noise = learned(remember(path, sessions))
    within: dict[str, dict[str, list[float]]] = {
        clock: recorded.within(found, clock) for clock in CLOCKS
    }
    kinds = findings.findings(sessions, noise, within)
    pretended = alarms.false_alarms(alarms.pools_of(sessions, noise), found.manifest.seed)
    table.write(found.folder / "selftest.csv", kinds, pretended)
    disturbed = recorded.disturbed_share(found)
    words.show(console, kinds, pretended, noise.num_selftests, disturbed)
    console.print(f"selftest.csv  {found.folder / 'selftest.csv'}", soft_wrap=True)
    console.print(
        f"kept in {path}, {counted(noise.num_sessions, 'session')} by now",
        soft_wrap=True,
    )
