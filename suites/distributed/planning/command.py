"""`bench plan`: what a model would hold, move and take on ranks that are not at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.errors import UserError
from bench.reading import Screen, fold, read, size_of
from suites.distributed.planning import units
from suites.distributed.planning.activations import CHECKPOINTING
from suites.distributed.planning.claims import cores_of
from suites.distributed.planning.config import shape_like
from suites.distributed.planning.holding import Plan
from suites.distributed.planning.shape import gpt_of
from suites.distributed.planning.shown import Outcome, show, write
from suites.distributed.planning.step_time import HeldOut, Rates, check, fit_rates
from suites.distributed.planning.strategies import BYTES


def plan(
    params: Annotated[
        str, typer.Option(metavar="N", help="Parameters, as 7.5e9.", show_default=False)
    ] = "",
    ranks: Annotated[int, typer.Option(min=1, max=1 << 20, help="World size.")] = 8,
    like: Annotated[
        str,
        typer.Option(
            metavar="CONFIG",
            help="A model's `config.json`, its folder, or a name that comes along.",
            show_default=False,
        ),
    ] = "",
    gpu_memory: Annotated[
        str,
        typer.Option(metavar="SIZE", help="Of a rank, as 80GB or 80GiB.", show_default=False),
    ] = "",
    strategy: Annotated[
        str,
        typer.Option(metavar="NAME[,NAME...]", help="Default: all of them.", show_default=False),
    ] = "",
    batch: Annotated[int, typer.Option(min=1, max=1 << 30, help="Sequences of a rank.")] = 1,
    seqlen: Annotated[int, typer.Option(min=1, max=1 << 30, help="Tokens of a sequence.")] = 2048,
    checkpointing: Annotated[str, typer.Option(help="none, selective or full.")] = "none",
    precision: Annotated[str, typer.Option(help="bf16_mixed or float32.")] = "bf16_mixed",
    ranks_per_node: Annotated[
        int, typer.Option(min=1, max=1 << 20, help="For hybrid sharding.")
    ] = 8,
    from_run: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="RUN",
            help="A run of distributed that timed collectives, and training on several world "
            "sizes: predicts the time of a step.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write plan.csv and plan.html.", show_default=False),
    ] = None,
) -> None:
    """Predict bytes a rank, traffic and time of data-parallel training; measures nothing.

    Adam's model states are the ZeRO paper's, activations Korthikanti et al.'s (2022). GB are 1e9
    bytes. A time comes with the error that it had at a world size which its fit never saw.

    **Examples**

    - `bench plan --params 7.5e9 --ranks 64`
    - `bench plan --like llama-3.1-8b --ranks 16 --gpu-memory 80GB --checkpointing full`
    - `bench plan --params 1e9 --strategy ddp,fsdp2 --from runs/20260101-120000-quick-1a2b`
    - `bench plan --like path/to/config.json --output plan`
    """
    if not params and not like:
        raise UserError("expected --params N or --like CONFIG, as --params 7.5e9")
    _expect(checkpointing, CHECKPOINTING, "--checkpointing")
    _expect(precision, tuple(BYTES), "--precision")
    chosen = units.strategies(strategy)
    count = units.parameters(params) if params else None
    shape = shape_like(like, count) if like else gpt_of(count or 0.0)
    asked = Plan(shape, ranks, batch, seqlen, checkpointing, precision, ranks_per_node)
    memory = size_of(gpu_memory, "--gpu-memory") if gpu_memory else None
    rates, held_out = _from(from_run) if from_run else (None, [])
    outcome = Outcome(asked, chosen, memory, rates, held_out)
    screen = Screen()
    show(screen, outcome)
    if output is not None:
        for path in write(outcome, output):
            screen.print(f"written to {path}", soft_wrap=True)


def _expect(word: str, words: tuple[str, ...], option: str) -> None:
    if word not in words:
        raise UserError(f"{option} '{word}': expected one of {', '.join(words)}")


def _from(folder: Path) -> tuple[Rates, list[HeldOut]]:
    """Fit to a run, and check the fit."""
    records = fold(read(folder))
    cores = cores_of(records)
    try:
        return fit_rates(records, cores), check(records, cores)
    except UserError as error:
        raise UserError(f"--from {folder}: {error}") from error
