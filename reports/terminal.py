"""The summary a run ends with: suite by suite its answers, what is fastest, and what failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.padding import Padding
from rich.table import Table

from bench.cases.counted import counted
from bench.judging.record import Record
from bench.store import Run
from bench.system.terminal import Screen
from reports.answers import opening
from reports.fastest import Family, families
from reports.findings import Judged, judge
from reports.measuring import measuring_share
from reports.page import (
    Failure,
    by_suite,
    failures,
    told,
    unseen_modes,
    without_quality,
)

COLUMNS = ("size", "fastest", "time", "next takes")
SHORT = 18
NUM_FAMILIES = 4  # of a suite; the report has them all
BULLET = "• "
GAP = "  "  # between columns
COLOURS = {"holds": "green", "fails": "red", "untested": "dim"}


def summarise(console: Screen, run: Run, records: list[Record]) -> None:
    """Print every suite's answers and failures, and the share of time spent measuring."""
    judged = judge(records)
    for suite, own in by_suite(records).items():
        claims = [found for found in judged if found.suite == suite]
        _summarise_suite(console, suite, own, claims)
    counts = Counter(record.outcome for record in records)
    told = ", ".join(f"{n} {outcome}" for outcome, n in counts.most_common())
    console.print(told + without_quality(records))
    for record in records:
        if record.outcome == "ok" and record.flags and record.detail:
            name = f"{record.case.suite}/{record.case.variant}"
            console.print(f"{' '.join(record.flags)}  {name}: {record.detail}", style="yellow")
    if unseen := unseen_modes(records):
        console.print(unseen)
    for words in dict.fromkeys(filter(None, (r.labels.get("put_back") for r in records))):
        console.print(f"put back  {words}", style="yellow")
    if (share := measuring_share(run)) is not None:
        console.print(
            f"{share:.0%} of the timed rounds went into calls of the steps (first call, warm-up, "
            "samples); the rest is process start, inputs, set-up and poison"
        )


def print_claims(console: Screen, judged: list[Judged]) -> None:
    """Print every claim with its verdict, source and figures; colours only on a terminal."""
    suite = ""
    for found in judged:
        if found.suite != suite:
            suite = found.suite
            console.print(suite, style="bold")
        verdict = (f"{found.verdict:<8}", COLOURS[found.verdict])
        console.tell(verdict, f" {found.claim.sentence}")
        for line in (found.claim.source, *found.figures):
            console.print(Padding(line, (0, 0, 0, 9), style="dim"))


def _summarise_suite(
    console: Screen, suite: str, records: list[Record], judged: list[Judged]
) -> None:
    said = opening(records)
    console.tell((suite, "bold"), f"  {said.question}")
    for answer in said.answers:
        _indented(console, answer.sentence)
    found = families(records)
    for family in found[:NUM_FAMILIES]:
        _titled(console, family.title, _fastest_of(family, console.width))
    if len(found) > NUM_FAMILIES:
        more = counted(len(found) - NUM_FAMILIES, "more kind")
        console.print(f"… and {more} of question in the report")
    if grouped := failures(records):
        _titled(console, "Not measured, and why", _failures(grouped))
    console.print(told(records, judged), style="dim")
    console.print()


def _indented(console: Screen, sentence: str) -> None:
    """Print a sentence behind a bullet, its lines below each other."""
    row = Table.grid(padding=0)
    row.add_row(BULLET, sentence)
    console.print(row)


def _titled(console: Screen, title: str, table: Table) -> None:
    """Print a table below its title, which has the whole width, however narrow the table is."""
    console.print(title, style="bold")
    console.print(table)


def _fastest_of(family: Family, width: int) -> Table:
    table = _table()
    rows = [
        (
            line.size or "as above",
            line.tie or line.fastest,
            f"{line.time} {line.interval}",
            f"{line.next_factor} {line.next}",
        )
        for line in family.answers
    ]
    columns = list(zip(COLUMNS, *rows, strict=True))
    for name, own in zip(COLUMNS, _widths(columns, width), strict=True):
        table.add_column(name, width=own, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def _widths(columns: Sequence[Sequence[str]], width: int) -> list[int]:
    """Return widths that fill the terminal at most: none is wrapped where all have room.

    Else words stay whole as far as they can, and what is left over goes to what lacks least.
    """
    room = width - len(GAP) * (len(columns) - 1)
    wanted = [max(map(len, texts)) for texts in columns]
    least = [_narrowest(texts) for texts in columns]
    most = next((m for m in range(max(least), 1, -1) if _capped(least, m) <= room), 1)
    found = [min(narrow, most) for narrow in least]
    lacking = sorted(range(len(columns)), key=lambda i: wanted[i] - found[i])
    for place, i in enumerate(lacking):
        share = (room - sum(found)) // (len(lacking) - place)
        found[i] += max(min(wanted[i] - found[i], share), 0)
    return found


def _capped(widths: Iterable[int], most: int) -> int:
    return sum(min(width, most) for width in widths)


def _narrowest(texts: Iterable[str]) -> int:
    """Return the width at which no short text is wrapped, and no word of a long one cut."""
    return max(
        len(text) if len(text) <= SHORT else max(map(len, text.split()), default=0)
        for text in texts
    )


def _failures(failures: list[Failure]) -> Table:
    table = _table()
    for name in ("cases", "outcome", "variant", "reason"):
        table.add_column(name, overflow="fold")
    for failure in failures:
        variants = ", ".join(failure.variants)
        table.add_row(str(failure.count), failure.outcome, variants, failure.detail)
    return table


def _table() -> Table:
    return Table(box=None, header_style="dim", pad_edge=False, padding=(0, len(GAP), 0, 0))
