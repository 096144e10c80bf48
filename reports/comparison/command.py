"""`bench compare`: read two or more run folders, measure nothing."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal

import typer

from bench.commands.options import GATED, AtMost, Gate, Keyword
from bench.errors import UserError
from bench.judging.comparing.quantities import parse_gate
from bench.judging.comparing.versus import PAIRED_FOLDER, name_of, pair_folder
from bench.judging.limit import parse_limit
from bench.store import Run
from bench.store.together import read_together
from bench.system.terminal import Screen
from reports.commands import RUNS


def compare(
    base: Annotated[
        Path, typer.Argument(metavar="BASE", help="A run folder, or the folder of one `bench ab`.")
    ],
    new: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[NEW]...", help="Run folders to set against BASE.", show_default=False
        ),
    ] = None,
    keyword: Keyword = "",
    margin: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="A change of time proven smaller than this is `same`. Default: what a `bench ab` "
            "was made with, else 0.02.",
            show_default=False,
        ),
    ] = None,
    at_most: AtMost = "",
    gate: Gate = GATED,
    show_all: Annotated[
        bool, typer.Option("--all", help="Print every row, also what is the same.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Compare other machines too: bytes and counts are judged."),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the outputs. Default: in runs/comparisons/, or that of `ab`.",
            show_default=False,
        ),
    ] = None,
    summary: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Append the Markdown to this file as well.", show_default=False
        ),
    ] = None,
) -> None:
    """Say of every case what changed from BASE to NEW: time, memory, counts, errors, quality.

    Times of runs recorded apart are `faster` or `slower` only beyond what sessions differ by
    here; the two sides of one `bench ab` are judged in full strength. A case ok in BASE and not
    in NEW is `broken`, and always fails the comparison.

    **Examples**

    - `bench compare runs/20260101-120000-quick-1a2b runs/20260102-120000-quick-3c4d`
    - `bench compare runs/20260103-120000-ab-5e6f`
    - `bench compare reports/baseline runs/20260103-120000-ab-5e6f/B --gate memory,counts`

    Exit codes: 0 no regression, 1 regression, 2 usage, bad input or void, 3 nothing comparable,
    4 cannot write, 6 a slowdown of more than `--at-most` is not excluded, 70 a fault of the
    tool itself.
    """
    console = Screen()
    if margin is not None and not 0 < margin < 1:
        raise UserError(f"--margin {margin:g}: expected a share between 0 and 1, such as 0.02")
    gates = parse_gate(gate)
    runs = opened(console, folders(base, new or []))
    from reports.comparison.conclude import conclude

    code = conclude(
        console,
        runs[0],
        runs[1:],
        output or default_folder(runs),
        margin,
        summary,
        gate=gates,
        keyword=keyword,
        at_most=_limit(at_most),
        force=force,
        show_all=show_all,
    )
    raise typer.Exit(code)


def _limit(text: str) -> float | Literal["off"] | None:
    """Read the slowdown to exclude; `auto` is for what is yet to be measured."""
    limit = parse_limit(text)
    if limit == "auto":
        raise UserError("--at-most auto: expected a share such as 5%, or off; bench ab takes auto")
    return limit


def folders(base: Path, new: list[Path]) -> list[Path]:
    """Return BASE and every NEW; the folder of a paired comparison stands for both its sides."""
    if new:
        return [base, *new]
    if os.path.lexists(base / PAIRED_FOLDER):
        return [base / "A", base / "B"]
    raise UserError(f"{base}: expected BASE and NEW, or one folder that `bench ab` made")


def opened(console: Screen, folders: list[Path]) -> list[Run]:
    """Read runs, and print what is to be known of how they were read."""
    runs = read_together(folders, lambda: import_module("reports.comparison.conclude"))
    for notice in (notice for run in runs for notice in run.notices):
        console.print(notice, style="yellow")
    return runs


def default_folder(runs: list[Run]) -> Path:
    """Return where outputs go: beside the two sides of one `bench ab`, else a folder by name."""
    base, *news = runs
    together = pair_folder(base, news[0]) if len(news) == 1 else None
    if together is not None:
        return together
    names = [name_of(run).replace("/", "-") for run in runs]
    more = f"-and-{len(news) - 1}-more" if len(news) > 1 else ""
    return RUNS / "comparisons" / f"{names[0]}--{names[1]}{more}"
