"""The summary a run ends with: suite by suite what is fastest, what failed, and the claims."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from rich.padding import Padding
from rich.table import Table

from bench.cases.counted import counted
from bench.judging.record import Record
from bench.store import Run
from bench.system.terminal import Screen
from reports.answers import Answer, Family, families
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
MOST_NAMES = 3  # of contestants that cannot be told apart
SHORT = 18
NUM_FAMILIES = 4  # of a suite; the report has them all
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
    console.print(suite, style="bold")
    found = families(records)
    for family in found[:NUM_FAMILIES]:
        console.print(_answers(family))
    if len(found) > NUM_FAMILIES:
        more = counted(len(found) - NUM_FAMILIES, "more kind")
        console.print(f"… and {more} of question in the report")
    if grouped := failures(records):
        console.print(_failures(grouped))
    console.print(told(records, judged))
    console.print()


def _answers(family: Family) -> Table:
    table = _table(family.title)
    rows = [
        (
            answer.size or "as above",
            _fastest(answer),
            f"{answer.time} {answer.interval}",
            f"{answer.next_factor} {answer.next}",
        )
        for answer in family.answers
    ]
    for name, texts in zip(COLUMNS, zip(*rows, strict=True), strict=True):
        table.add_column(name, min_width=_narrowest((name, *texts)), overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def _fastest(answer: Answer) -> str:
    """Name the fastest and its ties; many ties by their number."""
    names = [answer.fastest, *answer.ties]
    if len(names) > MOST_NAMES:
        return f"{answer.fastest} = {len(answer.ties)} others"
    return " = ".join(names)


def _narrowest(texts: Iterable[str]) -> int:
    """Return the width at which no short text is wrapped, and no word of a long one cut."""
    return max(
        len(text) if len(text) <= SHORT else max(map(len, text.split()), default=0)
        for text in texts
    )


def _failures(failures: list[Failure]) -> Table:
    table = _table("Not measured, and why")
    for name in ("cases", "outcome", "variant", "reason"):
        table.add_column(name, overflow="fold")
    for failure in failures:
        variants = ", ".join(failure.variants)
        table.add_row(str(failure.count), failure.outcome, variants, failure.detail)
    return table


def _table(title: str) -> Table:
    return Table(
        box=None,
        title=title,
        title_justify="left",
        title_style="bold",
        header_style="dim",
        pad_edge=False,
    )
