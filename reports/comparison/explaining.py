"""`bench explain`: say why cases changed from one run to the other, measure nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

import typer

from bench.errors import UserError, unknown
from bench.judging.comparing.matching import Match
from bench.judging.comparing.versus import PAIRED_FOLDER
from bench.system.terminal import Screen
from reports.comparison.command import folders, opened


def explain(
    base: Annotated[
        Path, typer.Argument(metavar="BASE", help="A run folder, or the folder of one `bench ab`.")
    ],
    new: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NEW] [CASE]",
            help="A run folder to set against BASE, which the folder of a `bench ab` needs none "
            "of; then a case (`attention/sdpa_flash`, `'attention/sdpa_*'`, or its whole id). "
            "Default: every case that changed.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Set other machines against each other, too."),
    ] = False,
    summary: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Append it as Markdown to this file as well.", show_default=False
        ),
    ] = None,
) -> None:
    """Say of every case that changed why it did: the causes that were seen, largest share first.

    A share is of the change of time, and comes from traces of both runs (`bench ab --profile`,
    `bench run --profile`).
    Surroundings, and without traces what a call does, are told with none: nothing measured how
    much they weigh. What no cause has is unexplained.

    **Examples**

    - `bench explain runs/20260103-120000-ab-5e6f`
    - `bench explain runs/20260103-120000-ab-5e6f attention/sdpa_flash`
    - `bench explain runs/20260101-120000-quick-1a2b runs/20260102-120000-quick-3c4d`

    Exit codes: 0 explained, or nothing changed; 2 usage, bad input or void; 4 cannot write; 70 a
    fault of the tool itself.
    """
    from bench.judging.comparing.comparison import compare
    from reports.comparison.explained import print_whys
    from reports.comparison.markdown import append_text, explained

    console = Screen()
    both, case = _asked(base, new or [])
    runs = opened(console, both)
    (found,) = compare(runs[0], runs[1:], force=force)
    asked = _chooser(case, (row.match for row in found.rows)) if case else None
    print_whys(console, found, asked)
    if summary is not None:
        append_text(explained(found, asked), summary)


def _asked(base: Path, words: list[str]) -> tuple[list[Path], str]:
    """Tell the folders of two runs from the case: the folder of one `bench ab` holds both."""
    paired = os.path.lexists(base / PAIRED_FOLDER)
    news, rest = ([], words) if paired else (words[:1], words[1:])
    if len(rest) > 1:
        raise UserError(f"expected BASE, NEW and one CASE, got {' '.join(rest)!r} as the case")
    return folders(base, [Path(word) for word in news]), "".join(rest)


def _chooser(case: str, matches: Iterable[Match]) -> Callable[[Match], bool]:
    """Return which matches a case names; UserError where none."""
    names = {name for match in matches for name in _names(match)}
    if not any(fnmatchcase(name, case) or name == case for name in names):
        raise unknown("case", case, {name for name in names if "(" not in name})
    return lambda match: any(fnmatchcase(n, case) or n == case for n in _names(match))


def _names(match: Match) -> set[str]:
    """Return what a case is called, on either side: suite and variant, or its id."""
    cases = [record.case for record in (match.base, match.new) if record]
    return {name for c in cases for name in (f"{c.suite}/{c.variant}", c.id)}
