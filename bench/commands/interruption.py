"""The end of a command that was interrupted: what is kept, and how to go on."""

from __future__ import annotations

import contextlib

import typer

from bench.errors import INTERRUPTED
from bench.system import process
from bench.system.terminal import relay

# Ctrl-C and SIGTERM; and a reader of stdout that has gone (`| head`), which rich leaves over
STOPS = (KeyboardInterrupt, BrokenPipeError, SystemExit)


def interrupted(hint: str) -> typer.Exit:
    """Tell how to go on, end what still runs, and return the exit to raise.

    It is told on stderr: whoever read stdout may have ended by the same Ctrl-C.
    """
    with contextlib.suppress(OSError, SystemExit):  # nobody listens there either
        relay(hint)
    process.end_descendants()
    return typer.Exit(INTERRUPTED)
