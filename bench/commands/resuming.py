"""What `run --resume` and `ab --resume` refuse, and what they ask before they run it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bench.errors import UserError

Trust = Annotated[
    bool,
    typer.Option(
        "--trust",
        help="With --resume: run what a folder from elsewhere names outside the checkout.",
    ),
]


def expect_only_resume(context: typer.Context, *allowed: str) -> None:
    """Refuse what a resume would have to ignore: it finishes what was begun as it was asked for."""
    for name in context.params:
        source = context.get_parameter_source(name)
        given = source is not None and source.name == "COMMANDLINE"
        if given and name not in ("resume", "trust", "wait", *allowed):
            raise UserError(
                f"--resume finishes a run as it was asked for; expected no other option or "
                f"selector, got {name.replace('_', '-')}"
            )


def expect_resume(trust: bool) -> None:
    """Refuse `--trust` where nothing is resumed."""
    if trust:
        raise UserError("--trust: expected beside --resume, which runs what a folder names")


def expect_consent(folder: Path, outside: list[str]) -> None:
    """Ask before what a folder from elsewhere names is run; without a terminal, refuse."""
    if not outside:
        return
    told = ", ".join(map(repr, outside[:3])) + (" and more" if len(outside) > 3 else "")
    what = f"{folder} was not written by this machine, and runs code outside the checkout: {told}"
    asked = [stream for stream in (sys.stdin, sys.stderr) if stream and stream.isatty()]
    if len(asked) < 2:
        raise UserError(f"{what}; look at it, then allow it with --trust")
    if not typer.confirm(f"{what}. Run it?", err=True):
        raise UserError("nothing was run")
