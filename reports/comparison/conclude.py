"""Judge, print, write: what `bench compare` and `bench ab` end with."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Literal

from bench.judging.comparing.comparison import Comparison, compare, exit_code
from bench.judging.comparing.quantities import DEFAULT_GATE
from bench.store import Run
from bench.system.files import cannot_write
from bench.system.terminal import Screen
from reports.comparison import markdown, page, table
from reports.comparison.terminal import print_comparison

Writer = Callable[[Sequence[Comparison], Collection[str], Path], None]
OUTPUTS: dict[str, Writer] = {  # the table first: a page that cannot be drawn must not cost it
    "comparison.csv": table.write,
    "comparison.md": markdown.write,
    "comparison.html": page.write,
}


def conclude(
    console: Screen,
    base: Run,
    new: Run | Sequence[Run],
    folder: Path,
    margin: float | None = None,
    summary: Path | None = None,
    *,
    gate: Collection[str] = DEFAULT_GATE,
    at_most: float | Literal["off"] | None = None,
    keyword: str = "",
    force: bool = False,
    show_all: bool = False,
) -> int:
    """Compare, print, and write into `folder`; return the exit code.

    UserError where the comparison is void and not forced, or the folder cannot be written.
    """
    news = [new] if isinstance(new, Run) else list(new)
    found = compare(base, news, margin=margin, at_most=at_most, keyword=keyword, force=force)
    for comparison in found:
        print_comparison(console, comparison, gate, show_all)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    for name, write in OUTPUTS.items():
        write(found, gate, folder / name)
        console.print(f"{name:<16} {folder / name}", soft_wrap=True)
    if summary is not None:
        markdown.append(found, gate, summary)
    return exit_code(found, gate)
