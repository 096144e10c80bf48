"""Every command that reads a folder, called in this process; and what came of it."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FrameType
from unittest.mock import patch

import typer

from bench.errors import UserError

MOST_S = 60  # a command that takes longer waits for something
READ, REFUSED, FAILED = "read", "refused", "failed"

Command = Callable[[Path, Path], None]


@dataclass(frozen=True)
class Came:
    """What came of one command: it read, refused in a line, or failed; `told` says how."""

    command: str
    outcome: str
    told: str = ""


def commands() -> dict[str, Command]:
    """Return the commands by name: (folder, folder to write into).

    A resume is followed to where it would start its first process.
    """
    return {
        "show": _show,
        "claims": _claims,
        "report": _report,
        "compare": _compare,
        "resume": _resume,
    }


def of_pairs() -> dict[str, Command]:
    """Return what reads the folder of a `bench ab`."""
    return {"compare ab": _compare_pairs}


def with_selftests() -> dict[str, Command]:
    """Return what reads, beside a run, what selftests have kept of its machine."""
    return {"compare, selftests": _compare_beside}


def _show(folder: Path, _: Path) -> None:
    from reports.commands import show

    show(folder)


def _claims(folder: Path, _: Path) -> None:
    from reports.commands import claims

    claims(folder)


def _report(folder: Path, _: Path) -> None:
    from reports.commands import report

    report(folder)


def _resume(folder: Path, _: Path) -> None:
    from bench.commands.run import resumable

    resumable(folder, trust=False)


def _compare(folder: Path, out: Path) -> None:
    from reports.comparison.command import compare

    compare(folder, [folder], output=out, margin=None)


def _compare_pairs(folder: Path, out: Path) -> None:
    from reports.comparison.command import compare

    compare(folder, None, output=out, margin=None)


def _compare_beside(folder: Path, out: Path) -> None:
    os.environ["TOUCHSTONE_CACHE"] = str(folder / "cache")
    _compare(folder / "run", out)


def tried(name: str, command: Command, folder: Path, out: Path) -> Came:
    """Call a command, and say what came of it."""
    try:
        with _quiet(), _bounded():
            command(folder, out)
    except typer.Exit:
        return Came(name, READ)
    except UserError as error:
        line = str(error)
        whole = len(line.splitlines()) == 1 and len(line) < 2000
        return Came(name, REFUSED if whole else FAILED, line[:2000])
    except (Exception, SystemExit) as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        told = f"{type(error).__name__}: {error} ({Path(where.filename).name}, {where.lineno})"
        return Came(name, FAILED, told[:500])
    return Came(name, READ)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        yield


@contextlib.contextmanager
def _bounded() -> Iterator[None]:
    """Raise where a command does not come back."""

    def late(_signum: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"no answer within {MOST_S} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(MOST_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def scripts_made_once() -> Iterator[None]:
    """Make the pages' scripts once, which are the same whatever a folder says."""
    from reports import html
    from reports.comparison import page

    with contextlib.ExitStack() as stack:
        for module in (html, page):
            for name in ("vega_bundle", "datatable_scripts"):
                made_once = cache(getattr(module, name))
                stack.enter_context(patch.object(module, name, made_once))
        yield
