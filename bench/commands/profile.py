"""`bench profile`: where the time of a step goes, case by case."""

from __future__ import annotations

import random
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from bench.cases.case import Case
from bench.cases.counted import counted
from bench.commands.options import (
    FILES,
    Data,
    Device,
    Inception,
    Keyword,
    Like,
    Model,
    Output,
    Preset,
    Reference,
    Selectors,
    Sets,
    Timeout,
    Wait,
)
from bench.commands.run import carry_out, finish
from bench.running import nsight
from bench.running.lock import device_lock
from bench.running.session import served
from bench.running.stopping import EFFORTS
from bench.sides.checkout import git_state, publishable
from bench.sides.selection import Selection, select
from bench.sides.side import Side
from bench.store import Manifest, create
from bench.system.terminal import Screen


def profile(
    selectors: Selectors = None,
    keyword: Keyword = "",
    sets: Sets = None,
    preset: Preset = "smoke",
    device: Device = "auto",
    data: Data = None,
    inception: Inception = None,
    reference: Reference = None,
    model: Model = None,
    like: Like = "",
    nsys: Annotated[
        bool, typer.Option("--nsys", help="Run each case under Nsight Systems too, on a GPU.")
    ] = False,
    ncu: Annotated[
        bool, typer.Option("--ncu", help="Run each case under Nsight Compute too, on a GPU.")
    ] = False,
    timeout: Timeout = 120.0,
    output: Output = Path("runs"),
    wait: Wait = False,
) -> None:
    """Check a selection, then trace each case: operators, memory, stacks; a page for each.

    Nothing is timed for a comparison: a profiler costs time, and how much is told. Traces open in
    Perfetto (ui.perfetto.dev), stacks in speedscope; pages are in `profiles/` of the run's folder.

    **Examples**

    - `bench profile attention/sdpa_flash --set seqlen=1024`
    - `bench profile precision -k 'bf16 or fp32'`
    - `bench profile distributed/ddp --set ranks=2`

    Exit codes: as of `bench run`.
    """
    console = Screen()
    with served(Side()) as (side, server):
        files = dict(zip(FILES, (data, inception, reference, model), strict=True))
        wanted = selectors or [], keyword, sets or [], preset, device, files
        chosen = select(server, *wanted, like=like)
        tools = nsight.expect([t for t, on in (("nsys", nsys), ("ncu", ncu)) if on], chosen.device)
        manifest = plan(chosen, preset, timeout)
        console.print(f"{counted(len(manifest.cases), 'case')} on {manifest.device} to profile")
        with device_lock(manifest.device, wait, manifest.cases):
            server.expect_device(manifest.device)
            found = create(output, manifest)
            carry_out(console, found, side, server)
            nsight.watch(found, side, tools, lambda line: console.print(line, soft_wrap=True))
    finish(console, found)


def plan(chosen: Selection, preset: str, timeout: float) -> Manifest:
    """Return a run that checks and profiles, and times nothing."""
    return Manifest(
        command=["bench", *(publishable(word) for word in sys.argv[1:])],
        preset=preset,
        device=chosen.device,
        seed=random.randrange(2**31),
        share_s=EFFORTS[preset].share_s,
        checkpoints=list(EFFORTS[preset].checkpoints),
        cases=list(map(_untimed, chosen.cases)),
        git=git_state(),
        timeout_s=timeout,
        profile=True,
    )


def _untimed(case: Case) -> Case:
    return replace(case, rounds=0, quality_seeds=0, quality_calls=0)
