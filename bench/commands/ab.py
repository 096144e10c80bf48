"""`bench ab`: measure two sides interleaved on this machine now, and judge what differs."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer

from bench.cases.counted import counted
from bench.commands.interruption import STOPS, interrupted
from bench.commands.options import (
    FILES,
    GATED,
    AtMost,
    Budget,
    Data,
    Device,
    DryRun,
    Gate,
    Inception,
    Keyword,
    Like,
    Model,
    NumRounds,
    Output,
    Preset,
    Reference,
    Seed,
    Selectors,
    Sets,
    Timeout,
    Wait,
)
from bench.commands.resuming import Trust, expect_consent, expect_only_resume, expect_resume
from bench.commands.run import parse_budget
from bench.errors import NOT_EXCLUDED, REGRESSION, UserError
from bench.judging.comparing.quantities import parse_gate
from bench.judging.limit import parse_limit
from bench.running.lock import device_lock
from bench.running.pairing.contenders import contenders
from bench.running.pairing.folder import Comparison
from bench.running.pairing.listed import Asked
from bench.running.pairing.pairs import Pair, list_pairs
from bench.running.pairing.plan import Plan, Wanted, create, expect_enough, make_plan, sticking
from bench.running.pairing.resuming import (
    foreign_code,
    in_words,
    pairs_of,
    resumable,
    sides_again,
)
from bench.running.pairing.sitting import measure_both
from bench.running.progress import TerminalProgress
from bench.sides.checkout import publishable
from bench.sides.selection import expect_files
from bench.sides.side import Side
from bench.store import read
from bench.system.terminal import Screen

NOTHING_COMPARABLE = 3

Word = Annotated[
    str,
    typer.Argument(
        help="A git revision (`main`, `HEAD~3`; `.` is the working tree), a Python executable, or "
        "`suite/variant[option=value]`.",
        show_default=False,
    ),
]


def ab(
    context: typer.Context,
    a: Word = "",
    b: Word = "",
    selectors: Selectors = None,
    keyword: Keyword = "",
    sets: Sets = None,
    preset: Preset = "quick",
    device: Device = "auto",
    data: Data = None,
    inception: Inception = None,
    reference: Reference = None,
    model: Model = None,
    like: Like = "",
    budget: Budget = "",
    rounds: NumRounds = None,
    confirm: Annotated[
        int | None,
        typer.Option(
            metavar="PAIRS",
            min=0,
            help="Fresh pairs for each suspect. Default: 22; 0 confirms nothing.",
            show_default=False,
        ),
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            max=0.5,
            help="A change proven smaller than this is `same`. Default: 0.02.",
            show_default=False,
        ),
    ] = None,
    at_most: AtMost = "",
    gate: Gate = GATED,
    seed: Seed = None,
    profile: Annotated[
        bool,
        typer.Option(
            "--profile",
            help="Trace what looks changed on both sides, after all is timed: `bench explain` "
            "then weighs causes.",
        ),
    ] = False,
    timeout: Timeout = 120.0,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Finish an interrupted comparison.", show_default=False
        ),
    ] = None,
    trust: Trust = False,
    output: Output = Path("runs"),
    wait: Wait = False,
    dry_run: DryRun = False,
    summary: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Append the verdicts to this Markdown file.", show_default=False
        ),
    ] = None,
) -> None:
    """Compare two sides, A (base) and B (new), interleaved on this machine now.

    Both are checked; rounds then time both sides of a case next to each other, in fresh processes
    and random order. What looks changed is measured again, alone, before the verdict. With
    `--at-most` cases go on, for `--budget`, until slowdowns beyond it are excluded. The instrument
    is always the present checkout: only suites, or files of yours that lie in the repository and
    are named as selectors, and the interpreter come from each side.

    **Examples**

    - `bench ab main . attention`
    - `bench ab HEAD~3 HEAD path/to/mine.py`
    - `bench ab .venv/bin/python ../newer/bin/python precision --preset smoke`
    - `bench ab attention/sdpa_math 'attention/tiled[block=64]' --set seqlen=1024`
    - `bench ab --resume runs/20260103-120000-ab-5e6f`

    Exit codes: 0 no regression, 1 regression, 2 usage or bad input, 3 nothing comparable,
    4 cannot write, 6 a slowdown of more than `--at-most` is not excluded, 70 a fault of the
    tool itself, 130 interrupted.
    """
    console, gates = Screen(), parse_gate(gate)
    if resume is not None:
        expect_only_resume(context, "gate", "summary")
        raise typer.Exit(_judge(console, _resumed(console, resume, trust, wait), summary, gates))
    expect_resume(trust)
    if not (a and b):
        raise UserError("expected two sides, A and B, or --resume FOLDER")
    files = dict(zip(FILES, (data, inception, reference, model), strict=True))
    asked = Asked(keyword, sets or [], preset, device, files, like)
    expect_enough(confirm)
    wanted = Wanted(rounds, confirm, margin, seed, timeout, parse_budget(budget), profile)
    wanted = replace(wanted, at_most=parse_limit(at_most))
    command = ["bench", *(publishable(word) for word in sys.argv[1:])]
    with contenders(a, b, selectors or []) as both:
        plan = make_plan(both, list_pairs(*both, asked), asked, wanted, command)
        _show(console, plan, dry_run)
        if dry_run:
            return
        cases = [*plan.matched.cases(0), *plan.matched.cases(1)]
        with device_lock(plan.pairing.device, wait, cases):
            found = create(output, plan)
            _measure(console, found, (both[0].side, both[1].side), plan.matched.pairs)
    raise typer.Exit(_judge(console, found, summary, gates))


def _show(console: Screen, plan: Plan, names: bool) -> None:
    for notice in [*plan.matched.notices, *sticking()]:
        console.print(notice, style="yellow", soft_wrap=True)
    for pair in plan.matched.pairs if names else []:
        console.print(pair.name, soft_wrap=True)
    console.print(plan.in_words())


def _resumed(console: Screen, folder: Path, trust: bool, wait: bool) -> Comparison:
    """Do what a comparison lacks, as it was asked for."""
    found = resumable(folder)
    if not trust:
        expect_consent(folder, foreign_code(found))
    pairs = pairs_of(found)
    with sides_again(found) as sides:
        for run, side in zip(found.runs, sides, strict=True):
            expect_files(side, run.manifest.cases, FILES, side)
        console.print(in_words(found, pairs))
        cases = [case for run in found.runs for case in run.manifest.cases]
        with device_lock(found.pairing.device, wait, cases):
            found = resumable(folder)  # as another left it that was waited for
            _measure(console, found, sides, pairs)
    return found


def _measure(
    console: Screen, found: Comparison, sides: tuple[Side, Side], pairs: list[Pair]
) -> None:
    """Measure both sides; an interruption leaves a folder that can be resumed."""
    try:
        with TerminalProgress(console) as progress:
            measure_both(found, sides, pairs, progress)
    except STOPS:
        raise interrupted(
            f"interrupted; {counted(sum(len(r.attempts) for r in found.runs), 'attempt')} kept. "
            f"Finish with\n  bench ab --resume {shlex.quote(str(found.folder))}\n"
            f"or judge what it has by\n  bench compare {shlex.quote(str(found.folder))}"
        ) from None


def _judge(console: Screen, found: Comparison, summary: Path | None, gate: tuple[str, ...]) -> int:
    """Let what is installed judge and show both runs; return the exit code."""
    for notice in (notice for run in found.runs for notice in run.notices):
        console.print(notice, style="yellow")
    console.print(f"{'comparison':<16} {found.folder}", soft_wrap=True)
    base, new = (read(run.folder) for run in found.runs)
    # The call site: (console, base, new, folder, margin, summary, gate=) -> exit code.
    codes: list[int] = [
        point.load()(console, base, new, found.folder, found.pairing.margin, summary, gate=gate)
        for point in entry_points(group="touchstone.comparisons")
    ]
    if not codes:
        console.print("no comparison is installed, so that nothing is judged")
    failed = [code for code in (REGRESSION, NOT_EXCLUDED) if code in codes]
    return failed[0] if failed else min(codes, default=NOTHING_COMPARABLE)
