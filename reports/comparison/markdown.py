"""`comparison.md`: a comparison for a job summary, short, the rest folded away."""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from bench.judging.comparing.comparison import Comparison
from bench.system.files import cannot_write, write_whole
from bench.system.text import visible
from reports.comparison.bounds import HOW as HOW_BOUNDED
from reports.comparison.bounds import limits
from reports.comparison.lines import (
    Line,
    coverage,
    how_judged,
    lines,
    parts,
    surroundings,
    verdict_line,
)
from reports.comparison.names import Names
from reports.comparison.why import HOW, MOST, NO_CAUSE, NOTHING, Asked, Why, whys

NUM_ROWS = 200  # of a folded table: a job summary holds a megabyte
HEADS = ["verdict", "case", "quantity", "base", "new", "change"]
HEADS += ["within", "slower by at most", "why"]


def write(comparisons: Sequence[Comparison], gate: Collection[str], path: Path) -> None:
    """Write the whole summary."""
    write_whole(path, markdown(comparisons, gate).encode())


def append(comparisons: Sequence[Comparison], gate: Collection[str], path: Path) -> None:
    """Append the summary to a file that others write to as well."""
    append_text(markdown(comparisons, gate), path)


def append_text(told: str, path: Path) -> None:
    """Append Markdown to a file; UserError where it cannot be written."""
    try:
        with path.open("a", encoding="utf-8") as stream:
            stream.write(told)
    except OSError as error:
        raise cannot_write(path, error) from error


def markdown(comparisons: Sequence[Comparison], gate: Collection[str]) -> str:
    """Return the summary of all comparisons."""
    return "\n".join(line for found in comparisons for line in _section(found, gate)) + "\n"


def explained(comparison: Comparison, asked: Asked = None) -> str:
    """Return why cases changed, without the rest of the comparison."""
    base, new = map(text, comparison.versus.names)
    told = list(_reasons(whys(comparison, asked))) or [NOTHING]
    return "\n".join([f"### Why {new} differs from {base}", "", *told]) + "\n"


def _section(comparison: Comparison, gate: Collection[str]) -> Iterator[str]:
    base, new = map(text, comparison.versus.names)
    found, names = parts(comparison), Names(row.match for row in comparison.rows)
    yield from (f"### {new} against {base}", "")
    yield from (f"**{text(verdict_line(comparison, gate))}**", "")
    changed = lines(found.told, names, gate)
    if changed:
        yield from (*_table(changed), "")
        yield from _why(comparison)
    if told := limits(comparison):
        yield from (*(f"- {text(line)}" for line in told), "")
    if told := coverage(comparison):
        yield from (*(f"- time, {text(line)}" for line in told), "")
    yield from (text(how_judged(comparison)), "")
    if comparison.times:
        yield from (text(HOW_BOUNDED), "")
    if told := surroundings(comparison):
        yield from (f"Differs: {text('; '.join(told))}", "")
    folded = {
        "unclear": lines(found.doubtful, names, gate),
        "only on one side, or measured on neither": lines(found.apart, names, gate),
        "the same, or only informing": lines(found.quiet, names, gate),
    }
    for title, rows in folded.items():
        yield from _folded(title, rows)


def _why(comparison: Comparison) -> Iterator[str]:
    """Tell why cases changed, where any did."""
    if found := whys(comparison):
        yield from ("#### Why", "")
        yield from _reasons(found[:MOST])
        if len(found) > MOST:
            yield from (f"and {len(found) - MOST} more: see bench explain", "")


def _reasons(found: Sequence[Why]) -> Iterator[str]:
    for why in found:
        yield from (f"**{text(why.case)}** {text(why.change)}", "")
        if not why.lines:
            yield from (NO_CAUSE, "")
            continue
        yield from ("| share | | cause |", "|--:|---|---|")
        for line in why.lines:
            yield f"| {' | '.join(map(text, (line.share, line.sort, line.cause)))} |"
        yield ""
    if any(why.lines for why in found):
        yield from (HOW, "")


def _folded(title: str, rows: Sequence[Line]) -> Iterator[str]:
    if not rows:
        return
    yield from (f"<details><summary>{len(rows)} {title}</summary>", "")
    yield from _table(rows[:NUM_ROWS])
    if len(rows) > NUM_ROWS:
        yield from ("", f"and {len(rows) - NUM_ROWS} more: see comparison.csv")
    yield from ("", "</details>", "")


def _table(rows: Sequence[Line]) -> Iterator[str]:
    yield f"| {' | '.join(HEADS)} |"
    yield f"|{'---|' * len(HEADS)}"
    for row in rows:
        mark = f"**{row.verdict}**" if row.fails else row.verdict
        cells = [row.case, row.quantity, row.base, row.new, row.change]
        cells += [row.within, row.slower_at_most, row.note]
        yield f"| {mark} | {' | '.join(map(text, cells))} |"


def text(words: str) -> str:
    """Make any text plain within a Markdown table: no HTML, column, line, formula, link, mention.

    GitHub makes links of what looks like an address, people of `@name`, issues of `#1`, pictures of
    `:name:` and mathematics of `$`; a character by its number begins none of them.
    """
    escaped = html.escape(" ".join(visible(words).split()), quote=False)
    escaped = re.sub(r"[\\|*_\[\]`~]", r"\\\g<0>", escaped)
    return re.sub(r"[@$]|#(?=\d)|:(?=[\w/+-])|(?<=www)\.", _by_number, escaped)


def _by_number(mark: re.Match[str]) -> str:
    return f"&#{ord(mark[0])};"
