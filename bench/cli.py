"""The `bench` command: every command is found through the entry points of `touchstone.commands`."""

from __future__ import annotations

import gc
import signal
import sys
from importlib.metadata import entry_points
from types import FrameType
from typing import TYPE_CHECKING

from bench.errors import BAD_INPUT, CANNOT_WRITE, INTERRUPTED, UserError
from bench.system import nobody
from bench.system.streams import Outlet, settled

if TYPE_CHECKING:
    import typer

_OF_PROCESSES = (ChildProcessError, ProcessLookupError, ConnectionError, BlockingIOError)

# So many objects are made before circles among them are looked for: a run folder is millions of
# numbers in no circle, which would be looked through again and again after the usual 700.
_COLLECTED_AFTER = 50_000

ORDER = (
    "list",
    "run",
    "profile",
    "ab",
    "compare",
    "show",
    "report",
    "claims",
    "plan",
    "calibrate",
    "selftest",
    "doctor",
    "gpucheck",
)


def main() -> None:
    """Run the command line; every refusal is one line on stderr and an exit code."""
    signal.signal(signal.SIGTERM, _terminated)
    gc.set_threshold(_COLLECTED_AFTER)
    nobody.introduce()
    with settled() as outlets:
        code = _run()
        sys.stdout.flush()
        code = _or_lost(code, outlets)
    sys.exit(code)


def _run() -> int:
    try:
        # within, so that a library that cannot be imported has an exit code too
        code = _app()(standalone_mode=False)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BaseException as error:
        return _failed(error)
    return code if isinstance(code, int) else 0


def _app() -> typer.Typer:
    import typer

    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="markdown",
        help="Verified, reproducible benchmarks for PyTorch, honest about their own error.",
    )
    for point in sorted(entry_points(group="touchstone.commands"), key=_rank):
        app.command(point.name)(point.load())
    return app


def _rank(point: object) -> tuple[int, str]:
    name: str = point.name  # type: ignore[attr-defined]
    return (ORDER.index(name) if name in ORDER else len(ORDER), name)


def _failed(error: BaseException) -> int:
    """Tell what ended a command in one line, and return the exit code of its kind."""
    from bench.system.internal import report
    from bench.system.terminal import complain

    if type(error).__name__ in ("Exit", "Abort"):
        return int(getattr(error, "exit_code", INTERRUPTED))
    if isinstance(error, UserError):
        complain(str(error))
        return error.exit_code
    if isinstance(error, OSError) and not isinstance(error, _OF_PROCESSES):
        complain(str(error))
        return CANNOT_WRITE
    if callable(show := getattr(error, "format_message", None)):
        complain(show())  # the command-line library's own refusals look like ours
        return BAD_INPUT
    return report(error)


def _or_lost(code: int, outlets: list[Outlet]) -> int:
    """Return the exit code; output that could not be written is a failure where nothing else is."""
    for outlet in outlets:
        if outlet.failure is not None:
            from bench.system.terminal import complain

            complain(f"cannot write to standard output: {outlet.failure.strerror}")
            return code or CANNOT_WRITE
    return code


def _terminated(_signum: int, _frame: FrameType | None) -> None:
    """Treat SIGTERM as Ctrl-C: what is done is flushed, and every child ended."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt  # not SIGINT: a shell ignores that for its background jobs


if __name__ == "__main__":
    main()
