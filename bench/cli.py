"""The `bench` command: every command is found through the entry points of `touchstone.commands`."""

from __future__ import annotations

import signal
import sys
from importlib.metadata import entry_points
from types import FrameType

import typer
from rich.console import Console

from bench.errors import CANNOT_WRITE, INTERRUPTED, UserError

ORDER = (
    "list",
    "run",
    "ab",
    "compare",
    "show",
    "report",
    "claims",
    "calibrate",
    "selftest",
    "doctor",
)


def main() -> None:
    """Run the command line; every refusal is one line on stderr and an exit code."""
    signal.signal(signal.SIGTERM, _terminated)
    try:
        code = _app()(standalone_mode=False)
    except UserError as error:
        code = _refuse(str(error), error.exit_code)
    except OSError as error:
        code = _refuse(str(error), CANNOT_WRITE)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BaseException as error:
        code = _click_exit(error)
    sys.stdout.flush()
    sys.exit(code if isinstance(code, int) else 0)


def _app() -> typer.Typer:
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


def _refuse(message: str, code: int) -> int:
    console = Console(stderr=True, soft_wrap=True)
    console.print("[bold red]error[/]: ", end="")
    console.print(message, markup=False, highlight=False)
    return code


def _click_exit(error: BaseException) -> int:
    """Let the command-line library's own refusals look like ours; anything else is a bug."""
    show = getattr(error, "format_message", None)
    if callable(show):
        return _refuse(show(), getattr(error, "exit_code", 2))
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    if type(error).__name__ in ("Exit", "Abort"):
        return int(getattr(error, "exit_code", INTERRUPTED))
    raise error


def _terminated(_signum: int, _frame: FrameType | None) -> None:
    """Treat SIGTERM as Ctrl-C: what is done is flushed, and every child ended."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt  # not SIGINT: a shell ignores that for its background jobs


if __name__ == "__main__":
    main()
