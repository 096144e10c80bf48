"""`bench run`: measure a selection into a run folder, and write what is read from it."""

from __future__ import annotations

import os
import random
import re
import shlex
import sys
from contextlib import nullcontext
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer

from bench.cases.case import Case
from bench.cases.counted import counted, rounds_asked
from bench.cases.outputs import outputs
from bench.commands.interruption import STOPS, interrupted
from bench.commands.options import (
    FILES,
    Budget,
    Data,
    Device,
    DryRun,
    Fit,
    Inception,
    Keyword,
    Like,
    Model,
    Nnodes,
    NodeRank,
    NumRounds,
    Output,
    Preset,
    Profile,
    RdzvEndpoint,
    Reference,
    Seed,
    Selectors,
    Sets,
    Timeout,
    Wait,
)
from bench.commands.resuming import Trust, expect_consent, expect_only_resume, expect_resume
from bench.errors import NOTHING_MEASURED, UserError
from bench.judging.record import fold
from bench.machine import facts as machine
from bench.running.allocation import asked_in_words
from bench.running.attempts import memory_limit_bytes
from bench.running.lock import device_lock
from bench.running.nodes.follower import NodeLeft
from bench.running.nodes.following import follow
from bench.running.nodes.group import expect_as_begun, group_of
from bench.running.nodes.leading import agree, led
from bench.running.pace import BY_CONSTANTS, Pace, pace_here
from bench.running.progress import TerminalProgress, clock_time
from bench.running.session import measure, served
from bench.running.stopping import EFFORTS, Effort, estimate_s, fit
from bench.selecting.fitting import asked_to_fit
from bench.sides.checkout import git_state, publishable
from bench.sides.foreign import code_outside
from bench.sides.selection import Selection, expect_files, select
from bench.sides.server import Server
from bench.sides.side import Side
from bench.store import Manifest, Run, create, read
from bench.store.trust import written_here
from bench.system.sizes import size_of
from bench.system.terminal import Screen, relay

LONGEST_S = 366 * 86_400.0  # of a budget; beyond it a clock cannot wait


def run(
    context: typer.Context,
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
    fit: Fit = "",
    budget: Budget = "",
    resume: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Finish an interrupted run.", show_default=False),
    ] = None,
    trust: Trust = False,
    profile: Profile = False,
    dry_run: DryRun = False,
    rounds: NumRounds = None,
    timeout: Timeout = 120.0,
    seed: Seed = None,
    output: Output = Path("runs"),
    wait: Wait = False,
    nnodes: Nnodes = None,
    node_rank: NodeRank = None,
    rdzv_endpoint: RdzvEndpoint = "",
) -> None:
    """Check, then time a selection; write `results.csv` and `report.html` into a run folder.

    Every case is checked first; rounds then interleave all of them, each in a fresh process.
    `--resume` runs the code that the folder's `run.json` names; of a folder that this machine did
    not write, it asks before it runs what is neither tracked in the checkout nor installed.
    On several machines every one is given the same command, with its own `--node-rank`.

    **Examples**

    - `bench run --preset smoke`
    - `bench run 'attention/sdpa_*' --set seqlen=1024,4096 --set dtype=bfloat16`
    - `bench run attention path/to/mine.py --budget 10m`
    - `bench run precision --fit 8GB --set rounds=0 --set quality_seeds=0`
    - `bench run attention --like path/to/model/config.json --set seqlen=4096`
    - `bench run --resume runs/20260101-120000-quick-1a2b`
    - `bench run distributed --nnodes 2 --node-rank 0 --rdzv-endpoint gpu1:29400`
    - `srun --nodes 2 --ntasks-per-node 1 bench run distributed`

    Exit codes: 0 done, 2 usage or bad input, 3 no case ok, 4 cannot write, 70 a fault of the tool
    itself, 130 interrupted.
    """
    console = Screen()
    found: Run | None = None
    if resume is not None:
        expect_only_resume(context, "nnodes", "node_rank", "rdzv_endpoint")
    else:
        expect_resume(trust)
    group = group_of(nnodes, node_rank, rdzv_endpoint, os.environ)
    if group and not group.leads and not dry_run:
        raise typer.Exit(follow(group, wait, relay))
    if resume is not None:
        found = resumable(resume, trust)
        expect_as_begun(found.manifest.cases, group)
    whole = led(group, relay) if group and not dry_run else nullcontext(Side())
    with whole as asked, served(asked) as (side, server):
        if found is not None:
            expect_files(server, found.manifest.cases, FILES)
            with device_lock(found.manifest.device, wait, found.manifest.cases):
                agree(side, server, found.manifest.cases, found.manifest.device)
                carry_out(console, found, side, server)
        else:
            budget_s = parse_budget(budget)
            files = dict(zip(FILES, (data, inception, reference, model), strict=True))
            wanted = selectors or [], keyword, sets or [], preset, device, files
            chosen = select(server, *wanted, absent=dry_run, like=like)
            if fit:
                chosen = replace(chosen, cases=_asked_to_fit(chosen, fit))
            if group:
                chosen = replace(chosen, cases=group.spread(chosen.cases))
            pace = _pace(chosen, server, preset)
            manifest, effort = _plan(chosen, preset, budget_s, rounds, timeout, seed, pace)
            manifest = replace(manifest, profile=profile)
            if dry_run:
                for case in manifest.cases:
                    console.print(case.id, soft_wrap=True)
            console.print(_in_words(manifest, effort, pace, _basis(chosen, pace)))
            if dry_run:
                return
            with device_lock(manifest.device, wait, manifest.cases):
                server.expect_device(manifest.device)  # or there is nothing to make a folder for
                notices = agree(side, server, manifest.cases, manifest.device)
                found = create(output, manifest)
                found.notices.extend(notices)
                carry_out(console, found, side, server)
    finish(console, found)


def _asked_to_fit(chosen: Selection, text: str) -> list[Case]:
    """Ask for the largest batch within a size; UserError where it is more than there is."""
    within = size_of(text, "--fit")
    if chosen.device == "cpu" and within > (most := memory_limit_bytes()):
        raise UserError(f"--fit '{text}': expected at most {most / 1e9:.3g}GB, what is free here")
    return asked_to_fit(chosen.cases, int(within))


def resumable(folder: Path, trust: bool) -> Run:
    """Read the folder to finish; UserError where its code is not to be run."""
    found = read(folder)
    if found.manifest.pairing:
        raise UserError(f"{folder} is one side of a comparison, which `bench ab --resume` finishes")
    if not trust and not written_here(found.manifest):
        expect_consent(folder, code_outside(found.manifest.cases))
    return found


def _plan(
    chosen: Selection,
    preset: str,
    budget_s: float | None,
    rounds: int | None,
    timeout: float,
    seed: int | None,
    pace: Pace,
) -> tuple[Manifest, Effort]:
    """Turn the command line into what will be measured."""
    cases = chosen.cases
    effort = EFFORTS[preset] if rounds is None else Effort(EFFORTS[preset].share_s, (rounds,))
    effort = fit(effort, cases, budget_s, pace)
    manifest = Manifest(
        command=["bench", *(publishable(word) for word in sys.argv[1:])],
        preset=preset,
        device=chosen.device,
        seed=random.randrange(2**31) if seed is None else seed,
        share_s=round(effort.share_s, 4),
        checkpoints=list(effort.checkpoints),
        cases=cases,
        git=git_state(),
        timeout_s=timeout,
        budget_s=budget_s,
    )
    return manifest, effort


def _pace(chosen: Selection, server: Server, preset: str) -> Pace:
    """Return how fast things go here; of a device that is not here, by constants alone."""
    share_s = EFFORTS[preset].share_s
    return Pace(share_s) if chosen.absent else pace_here(machine.identity(), server.hello, share_s)


def _basis(chosen: Selection, pace: Pace) -> str:
    """Say what an estimate stands on."""
    if chosen.absent:
        return f"{BY_CONSTANTS}: no {chosen.device} is here"
    return pace.basis(chosen.cases)


def _in_words(manifest: Manifest, effort: Effort, pace: Pace, basis: str) -> str:
    seconds = estimate_s(manifest.cases, effort, pace)
    if manifest.budget_s is not None:
        seconds = min(seconds, manifest.budget_s)
    rounds = rounds_asked(manifest.cases, effort.checkpoints)
    processes = asked_in_words(manifest.cases, manifest.device, effort, pace)
    return (
        f"{counted(len(manifest.cases), 'case')} on {manifest.device}, {rounds} of "
        f"{effort.share_s:.2f} s each {processes}: about {clock_time(seconds)}, {basis}"
    )


def parse_budget(text: str) -> float | None:
    """Read `90s`, `10m` or `2h` as seconds; a bare number is seconds."""
    if not text:
        return None
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([smh]?)", text.strip())
    seconds = float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]] if match else 0.0
    if not 0 < seconds <= LONGEST_S:
        raise UserError(f"--budget '{text}': expected a time such as 90s, 10m or 2h")
    return seconds


def carry_out(console: Screen, found: Run, side: Side, server: Server) -> None:
    """Measure what is lacking; an interruption leaves a folder that can be resumed."""
    try:
        with TerminalProgress(console) as progress:
            measure(found, side, progress, server)
    except NodeLeft as left:
        raise UserError(
            f"{left}; {counted(len(found.attempts), 'attempt')} kept; finish on every node with "
            f"bench run --resume {shlex.quote(str(found.folder))}",
            left.exit_code,
        ) from None
    except STOPS:
        raise interrupted(
            f"interrupted; {counted(len(found.attempts), 'attempt')} kept. Finish with\n"
            f"  bench run --resume {shlex.quote(str(found.folder))}"
        ) from None


def finish(console: Screen, found: Run) -> None:
    """Write every output that is installed, and say where they are."""
    records = fold(found)
    for notice in found.notices:
        console.print(notice, style="yellow")
    for point in outputs():
        path = found.folder / point.name
        point.load()(found, records, path)
        if path.exists():  # profiles are written where some were taken
            console.print(f"{point.name:<22} {path}", soft_wrap=True)
    for point in entry_points(group="touchstone.summaries"):
        point.load()(console, found, records)
    if not any(record.outcome == "ok" for record in records):
        raise typer.Exit(NOTHING_MEASURED)
