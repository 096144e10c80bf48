"""The summary a run ends with: what is fastest, what failed and why, and how time was spent."""

from __future__ import annotations

from collections import Counter

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.record import Record
from bench.store import Run
from reports import page
from reports.measuring import measuring_share


def summarise(console: Console, run: Run, records: list[Record]) -> None:
    """Print the answers, the failures by reason, and the share of time spent measuring."""
    for family in page.families(records):
        console.print(_answers(family))
    if failures := page.failures(records):
        console.print(_failures(failures))
    counts = Counter(record.outcome for record in records)
    console.print(page.headline(records), highlight=False)
    console.print(
        ", ".join(f"{n} {outcome}" for outcome, n in counts.most_common()), highlight=False
    )
    if (share := measuring_share(run)) is not None:
        console.print(
            f"{share:.0%} of the timed rounds went into calls of the steps (first call, warm-up, "
            "samples); the rest is process start, inputs, set-up and poison",
            highlight=False,
        )


def _answers(family: page.Family) -> Table:
    table = Table(
        box=None,
        title=escape(family.title),
        title_justify="left",
        title_style="bold",
        header_style="dim",
        pad_edge=False,
    )
    for name in ("size", "fastest", "time", "next takes"):
        table.add_column(name, no_wrap=name != "size", overflow="fold")
    for answer in family.answers:
        tie = f" = {' = '.join(answer.ties)}" if answer.ties else ""
        table.add_row(
            escape(answer.size or "as above"),
            escape(answer.fastest + tie),
            f"{answer.time} {answer.interval}",
            escape(f"{answer.next_factor} {answer.next}"),
        )
    return table


def _failures(failures: list[page.Failure]) -> Table:
    table = Table(
        box=None,
        title="Not measured, and why",
        title_justify="left",
        title_style="bold",
        header_style="dim",
        pad_edge=False,
    )
    for name in ("cases", "outcome", "variant", "reason"):
        table.add_column(name, overflow="fold")
    for failure in failures:
        table.add_row(
            str(failure.count), failure.outcome, escape(failure.name), escape(failure.detail)
        )
    return table
