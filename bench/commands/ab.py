"""`bench ab`: measure two sides interleaved on this machine now, and judge what differs."""

from __future__ import annotations

import random
import shlex
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench import process
from bench.checkout import publishable
from bench.commands.options import (
    Budget,
    Data,
    Device,
    DryRun,
    Inception,
    Keyword,
    NumRounds,
    Output,
    Preset,
    Seed,
    Selectors,
    Sets,
    Timeout,
    Wait,
)
from bench.commands.run import parse_budget
from bench.errors import INTERRUPTED, UserError
from bench.lock import device_lock
from bench.pairing.contenders import Contender, contenders
from bench.pairing.folder import LETTERS, Comparison, Contestant, Pairing
from bench.pairing.judged import judged_quantities
from bench.pairing.pairs import Asked, Matched, list_pairs, warn
from bench.pairing.session import measure_both
from bench.progress import TerminalProgress, clock_time
from bench.stopping import EFFORTS, Effort, estimate_s, fit
from bench.store import Manifest, create_at, new_folder, read

REGRESSION, NOTHING_COMPARABLE = 1, 3

_FIRST_STAGE_SHARE = 0.7  # of a budget; the rest is for what must be confirmed

Word = Annotated[
    str,
    typer.Argument(
        help="A git revision (`main`, `HEAD~3`; `.` is the working tree), a Python executable, or "
        "`suite/variant[option=value]`.",
        show_default=False,
    ),
]


def ab(
    a: Word,
    b: Word,
    selectors: Selectors = None,
    keyword: Keyword = "",
    sets: Sets = None,
    preset: Preset = "quick",
    device: Device = "auto",
    data: Data = None,
    inception: Inception = None,
    budget: Budget = "",
    rounds: NumRounds = None,
    confirm: Annotated[
        int | None,
        typer.Option(
            metavar="PAIRS",
            min=0,
            help="Fresh pairs for each suspect. Default: 15; 0 confirms nothing.",
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
    seed: Seed = None,
    timeout: Timeout = 120.0,
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
    and random order. What looks changed is measured again, alone, before the verdict. The
    instrument is always the present checkout: only suites, or files of yours that lie in the
    repository and are named as selectors, and the interpreter come from each side.

    **Examples**

    - `bench ab main . attention`
    - `bench ab HEAD~3 HEAD path/to/mine.py`
    - `bench ab .venv/bin/python ../newer/bin/python precision --preset smoke`
    - `bench ab attention/sdpa_math 'attention/tiled[block=64]' --set seqlen=1024`

    Exit codes: 0 no regression, 1 regression, 2 usage or bad input, 3 nothing comparable,
    4 cannot write, 130 interrupted.
    """
    console = Console()
    asked = Asked(keyword, sets or [], preset, device, {"data": data, "inception": inception})
    with contenders(a, b, selectors or []) as both:
        matched = list_pairs(*both, asked)
        effort = _effort(matched, preset, rounds, parse_budget(budget))
        pairing = _pairing(both, matched, effort, preset, seed, _pairs(confirm), margin)
        warn(matched.notices)
        if dry_run:
            for pair in matched.pairs:
                console.print(pair.name, markup=False, highlight=False, soft_wrap=True)
        console.print(_in_words(both, matched, effort), highlight=False, markup=False)
        if dry_run:
            return
        with device_lock(matched.device, wait):
            found = _create(output, pairing, matched, both, effort, timeout, parse_budget(budget))
            _measure(console, found, both, matched)
    raise typer.Exit(_judge(console, found, summary))


def _effort(matched: Matched, preset: str, rounds: int | None, budget_s: float | None) -> Effort:
    """Return what the first stage spends; it leaves some of a budget to confirm with."""
    effort = EFFORTS[preset]
    effort = Effort(effort.share_s, (rounds or effort.checkpoints[0],))
    first_s = None if budget_s is None else _FIRST_STAGE_SHARE * budget_s
    return fit(effort, [*matched.cases(0), *matched.cases(1)], first_s)


def _pairs(confirm: int | None) -> int:
    from bench.rule import CONFIRM_PAIRS, LEAST_CONFIRM_PAIRS

    pairs = CONFIRM_PAIRS if confirm is None else confirm
    if 0 < pairs < LEAST_CONFIRM_PAIRS:
        raise UserError(f"--confirm {pairs}: expected 0, or at least {LEAST_CONFIRM_PAIRS} pairs")
    return pairs


def _pairing(
    both: tuple[Contender, Contender],
    matched: Matched,
    effort: Effort,
    preset: str,
    seed: int | None,
    confirm_pairs: int,
    margin: float | None,
) -> Pairing:
    from bench.rule import MARGIN

    a, b = (Contestant(publishable(c.words), c.git, _interpreter(c)) for c in both)
    return Pairing(
        command=_command(),
        sort=both[0].sort,
        a=a,
        b=b,
        seed=random.randrange(2**31) if seed is None else seed,
        preset=preset,
        device=matched.device,
        first_rounds=effort.checkpoints[0],
        confirm_pairs=confirm_pairs,
        margin=MARGIN if margin is None else margin,
        matched_by="question" if both[0].sort == "variant" else "id",
        judged=judged_quantities(),
        notices=[publishable(line) for line in matched.notices],
    )


def _interpreter(contender: Contender) -> str:
    return publishable(contender.side.interpreter) if contender.sort == "interpreter" else ""


def _command() -> list[str]:
    return ["bench", *(publishable(word) for word in sys.argv[1:])]


def _create(
    output: Path,
    pairing: Pairing,
    matched: Matched,
    both: tuple[Contender, Contender],
    effort: Effort,
    timeout: float,
    budget_s: float | None,
) -> Comparison:
    """Make the folder of the comparison, and in it a run folder for each side."""
    folder = new_folder(output, "ab")
    runs = [
        create_at(
            folder / LETTERS[side],
            Manifest(
                command=pairing.command,
                preset=pairing.preset,
                device=pairing.device,
                seed=pairing.seed,
                share_s=round(effort.share_s, 4),
                checkpoints=[pairing.first_rounds],
                cases=matched.cases(side),
                git=contender.git,
                timeout_s=timeout,
                budget_s=budget_s,
                pairing=folder.name,
            ),
        )
        for side, contender in enumerate(both)
    ]
    found = Comparison(folder, pairing, (runs[0], runs[1]))
    found.update()
    return found


def _in_words(both: tuple[Contender, Contender], matched: Matched, effort: Effort) -> str:
    cases = [*matched.cases(0), *matched.cases(1)]
    paired = sum(pair.whole for pair in matched.pairs)
    alone = f", {len(matched.pairs) - paired} on one side alone" if paired < len(cases) / 2 else ""
    return (
        f"{both[0].name} against {both[1].name}: {paired} pairs of cases on {matched.device}"
        f"{alone}, {effort.checkpoints[0]} rounds of {effort.share_s:.2f} s a side: "
        f"about {clock_time(estimate_s(cases, effort))}, and what looks changed is measured again"
    )


def _measure(
    console: Console,
    found: Comparison,
    both: tuple[Contender, Contender],
    matched: Matched,
) -> None:
    """Measure both sides; an interruption keeps what there is."""
    try:
        with TerminalProgress(console) as progress:
            measure_both(found, (both[0].side, both[1].side), matched.pairs, progress)
    except KeyboardInterrupt:
        process.end_descendants()
        sides = " ".join(shlex.quote(str(run.folder)) for run in found.runs)
        attempts = sum(len(run.attempts) for run in found.runs)
        console.print(
            f"interrupted; {attempts} attempts are kept. A comparison cannot be resumed; what "
            f"there is can be judged with\n  bench compare {sides}",
            highlight=False,
            soft_wrap=True,
        )
        raise typer.Exit(INTERRUPTED) from None


def _judge(console: Console, found: Comparison, summary: Path | None) -> int:
    """Let every installed comparison judge and show both runs; return the worst exit code."""
    for run in found.runs:
        for notice in run.notices:
            console.print(notice, style="yellow", markup=False)
    console.print(f"{'comparison':<16} {found.folder}", highlight=False, soft_wrap=True)
    base, new = (read(run.folder) for run in found.runs)
    # THE CALL SITE: (console, base, new, folder, margin, summary) -> exit code
    codes: list[int] = [
        point.load()(console, base, new, found.folder, found.pairing.margin, summary)
        for point in entry_points(group="touchstone.comparisons")
    ]
    if not codes:
        console.print("no comparison is installed, so that nothing is judged")
    return REGRESSION if REGRESSION in codes else min(codes, default=NOTHING_COMPARABLE)
