"""`bench show`, `report` and `claims`: read a run folder, measure nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.cases.outputs import outputs
from bench.judging.record import fold
from bench.store import Run, read
from bench.system.terminal import Screen

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

    console = Screen()
    run = _open(console, folder)
    console.tell((run.id, "bold"), f"  {run.manifest.preset} on {run.manifest.device}")
    summarise(console, run, fold(run))


def report(folder: RunFolder = None) -> None:
    """Write the tables and the report of a run anew.

    **Examples**

    - `bench report`
    - `bench report reports/published/h100`
    """
    console = Screen()
    run = _open(console, folder)
    records = fold(run)
    for point in outputs():
        path = run.folder / point.name
        point.load()(run, records, path)
        if path.exists():
            console.print(f"{point.name:<22} {path}", soft_wrap=True)


def claims(folder: RunFolder = None) -> None:
    """Say which claims of the literature hold in a run, with the figures.

    A claim that fails is a finding, not an error: the exit code stays 0.

    **Examples**

    - `bench claims`
    - `bench claims reports/published/h100`
    """
    from reports.findings import count_verdicts, judge
    from reports.terminal import print_claims

    console = Screen()
    judged = judge(fold(_open(console, folder)))
    print_claims(console, judged)
    counted = count_verdicts(judged)
    console.print(f"Of {len(judged)} claims, {counted}." if judged else "No suite here has claims.")


def _open(console: Screen, folder: Path | None) -> Run:
    run = read(folder if folder is not None else newest(RUNS))
    for notice in run.notices:
        console.print(notice, style="yellow")
    return run


def newest(parent: Path) -> Path:
    """Return the newest run folder; names begin with their time, so that they sort by it."""
    found = sorted(path.parent for path in parent.glob("*/run.json"))
    return found[-1] if found else parent
