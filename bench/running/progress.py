"""Progress on a terminal: a bar with time left, redrawn between attempts and never during one."""

from __future__ import annotations

import time
from collections import Counter
from types import TracebackType

from rich.progress import BarColumn, Progress, TextColumn

from bench.cases.case import Attempt
from bench.cases.counted import counted
from bench.system.terminal import Screen


class TerminalProgress:
    """Draws one line; on anything but a terminal it prints a line every half minute."""

    def __init__(self, console: Screen):
        self._console = console
        self._outcomes: Counter[str] = Counter()
        self._started = time.monotonic()
        self._printed = self._started
        self._provisioned: set[str] = set()
        self._bar = Progress(
            TextColumn("{task.percentage:>3.0f}%"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[left]}", style="bold", markup=False),
            TextColumn("{task.description}", style="dim", markup=False),
            console=console,
            auto_refresh=False,
            transient=True,
        )
        self._task = self._bar.add_task("starting", total=1.0, left="")

    def __enter__(self) -> TerminalProgress:
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._console.is_terminal:
            self._bar.stop()

    def provision(self, what: str, share: float) -> None:
        """Redraw with what is being made ready, and how much of it is done.

        Elsewhere it is told once, and not of what was there already.
        """
        if self._console.is_terminal:
            self._redraw(share, what, "before measuring")
        elif share < 1 and what not in self._provisioned:
            self._provisioned.add(what)
            self._console.print(f"{what} (once, before measuring)")

    def next(self, what: str, left_s: float) -> None:
        """Redraw with what comes next and the seconds left."""
        spent = time.monotonic() - self._started
        share = spent / max(spent + left_s, 1e-9)
        if self._console.is_terminal:
            self._redraw(share, what, f"{clock_time(left_s)} left")
        elif time.monotonic() - self._printed > 30:
            self._printed = time.monotonic()
            attempts = counted(sum(self._outcomes.values()), "attempt")
            self._console.print(
                f"{share:4.0%}  {clock_time(left_s)} left  {attempts}",
            )

    def _redraw(self, share: float, what: str, left: str) -> None:
        told = self._console.shown(what)
        self._bar.update(self._task, completed=share, description=told, left=left)
        self._bar.refresh()

    def done(self, attempt: Attempt) -> None:
        """Count the attempt; a failure is told at once."""
        self._outcomes[attempt.outcome] += 1
        if attempt.outcome not in ("ok", "unsupported"):
            name = attempt.case.split("(", 1)[0]
            where = " in quality" if attempt.role == "quality" else ""
            self._console.print(
                f"{attempt.outcome}{where}  {name}: {attempt.detail}",
                style="yellow",
                soft_wrap=True,
            )


def clock_time(seconds: float) -> str:
    """Write seconds as m:ss, or h:mm:ss from an hour on."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
