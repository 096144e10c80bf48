"""`bench gpucheck`: what only a GPU can tell of this instrument, in ten minutes and one archive."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.cases.counted import counted
from bench.commands.interruption import STOPS, interrupted
from bench.commands.options import Device, Wait
from bench.errors import INTERNAL, TRIAL_FAILED, UserError, unknown
from bench.running.lock import device_lock
from bench.running.proving.gpucheck import archive, words
from bench.running.proving.gpucheck.finding import Finding
from bench.running.proving.gpucheck.looking import found
from bench.running.proving.gpucheck.programme import findings, in_a_process
from bench.running.proving.gpucheck.trial import Trial
from bench.running.session import served
from bench.sides.side import Side
from bench.system import process
from bench.system.scratch import scratch
from bench.system.terminal import Screen

Only = Annotated[
    list[str] | None,
    typer.Option(metavar="TRIAL", help="Run this one alone; may be repeated.", show_default=False),
]


def gpucheck(
    only: Only = None,
    device: Device = "auto",
    output: Annotated[Path, typer.Option(help="Folder that the archive goes to.")] = Path("runs"),
    wait: Wait = False,
) -> None:
    """Ask a GPU what only a GPU can tell, in under ten minutes, and leave one archive to send back.

    Each trial runs in a process of its own, and has a word (passed, failed, not told, skipped) and
    its figures. The archive holds them, the versions of libraries and driver, logs and run folders;
    nothing in it tells whose machine or which device it was. docs/gpucheck.md has every trial.

    **Examples**

    - `bench gpucheck`
    - `bench gpucheck --only ceilings --only clock`
    - `bench gpucheck --device cuda:1 --output /mnt/results`

    Exit codes: 0 nothing failed, 2 usage, bad input or no GPU, 4 cannot write, 5 a trial failed,
    70 a fault of the tool itself, 130 interrupted.
    """
    console = Screen()
    trials = chosen(found(), only or [])
    where = gpu(device)
    output.mkdir(parents=True, exist_ok=True)
    console.print(f"{counted(len(trials), 'trial')} on {where}, ten minutes at most")
    process.adopt_orphans()
    told: list[Finding] = []
    with scratch("gpucheck") as folder:
        try:
            with device_lock(where, wait):
                pass  # each trial takes it anew; whether there is one to be had is told at once
            _run(console, trials, where, folder, wait, told)
        except STOPS:
            raise interrupted(_kept_of(told, output, folder)) from None
        path = archive.keep(told, output, folder)
    console.print(words.summary(told))
    console.print(f"to send back: {path}", soft_wrap=True)
    if code := exit_code(told):
        raise typer.Exit(code)


def chosen(trials: list[Trial], only: list[str]) -> list[Trial]:
    """Return the trials that are asked for, by kind or by name, in their order."""
    names = {name for trial in trials for name in (trial.kind, trial.name)}
    for name in only:
        if name not in names:
            raise unknown("trial", name, names)
    return [t for t in trials if not only or {t.kind, t.name} & set(only)]


def gpu(asked: str) -> str:
    """Return the GPU that is meant; UserError where there is none."""
    with served(Side()) as (_, server):
        where = server.choose_device(asked)
        if where != "cpu":
            server.expect_device(where)
            return where
        built = server.hello["cuda"]
    what = f"--device {asked}: expected a GPU that torch can use, found none"
    if built is None:
        raise UserError(f"{what}; this torch is built without CUDA: `make setup DEVICE=gpu`")
    raise UserError(f"{what}; see whether `nvidia-smi` lists one")


def _run(
    console: Screen,
    trials: list[Trial],
    device: str,
    folder: Path,
    wait: bool,
    told: list[Finding],
) -> None:
    """Run the trials, and tell each as it begins and ends."""

    def run(trial: Trial, limit_s: float) -> Finding:
        if console.is_terminal:
            console.tell(("…", "dim"), f" {trial.name}: {trial.about}")
        return in_a_process(trial, device, place(folder, trial), wait, limit_s)

    for finding in findings(trials, run):
        first, *rest = words.lines_of(finding)
        console.tell((first, words.STYLES[finding.word]), wrap=False)
        for line in rest:
            console.tell(line, wrap=False)
        told.append(finding)


def place(folder: Path, trial: Trial) -> Path:
    """Return the folder of a trial, which it alone writes in."""
    return folder / trial.name.replace(" ", "-")


def _kept_of(told: list[Finding], output: Path, folder: Path) -> str:
    """Keep what an interruption left, and say where."""
    if not told:
        return "interrupted; nothing was found yet"
    return f"interrupted; what was found is in {archive.keep(told, output, folder)}"


def exit_code(told: list[Finding]) -> int:
    """Return the code of all: a fault of a trial's own weighs more than a finding."""
    if any(finding.by_fault for finding in told):
        return INTERNAL
    return TRIAL_FAILED if any(finding.word == "failed" for finding in told) else 0
