"""`bench show` and `bench report`: read a run folder, measure nothing."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench.record import fold
from bench.store import Run, read

RUNS = Path("runs")

RunFolder = Annotated[
    Path | None,
    typer.Argument(
        metavar="[RUN]", help="A run folder. Default: the newest in runs/.", show_default=False
    ),
]


def show(folder: RunFolder = None) -> None:
    """Print the summary of a run; without a run, the newest in runs/.

    **Examples**

    - `bench show`
    - `bench show runs/20260101-120000-quick-1a2b`
    """
    from reports.terminal import summarise

    console = Console()
    run = _open(console, folder)
    console.print(
        f"[bold]{run.id}[/]  {run.manifest.preset} on {run.manifest.device}", highlight=False
    )
    summarise(console, run, fold(run))


def report(folder: RunFolder = None) -> None:
    """Write `results.csv` and `report.html` of a run anew.

    **Examples**

    - `bench report`
    - `bench report reports/published/h100`
    """
    console = Console()
    run = _open(console, folder)
    records = fold(run)
    for point in sorted(entry_points(group="touchstone.outputs"), key=lambda p: p.name):
        point.load()(run, records, run.folder / point.name)
        console.print(
            f"{point.name:<12} {run.folder / point.name}", highlight=False, soft_wrap=True
        )


def _open(console: Console, folder: Path | None) -> Run:
    run = read(folder if folder is not None else newest(RUNS))
    for notice in run.notices:
        console.print(notice, style="yellow", markup=False)
    return run


def newest(parent: Path) -> Path:
    """Return the newest run folder; names begin with their time, so that they sort by it."""
    found = sorted(path.parent for path in parent.glob("*/run.json"))
    return found[-1] if found else parent
