"""What the user asked for, turned into cases by the listing child."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path

from bench.case import Case
from bench.checkout import published
from bench.errors import NOTHING_MEASURED, UserError, unknown
from bench.side import Side
from bench.sweep import PRESETS


def select(
    side: Side,
    selectors: list[str],
    keyword: str,
    sets: list[str],
    preset: str,
    device: str,
    files: Mapping[str, Path | None],
) -> tuple[list[Case], str]:
    """Return the cases and the device they run on; UserError where nothing fits.

    `files` are the user's own, by the axis that takes them.
    """
    if preset not in PRESETS:
        raise unknown("preset", preset, PRESETS)
    answer = side.list_cases(
        {
            "selectors": [_absolute(selector) for selector in selectors],
            "suites": {
                point.name: point.value for point in entry_points(group="touchstone.suites")
            },
            "sets": sets,
            "files": {axis: _file(axis, path) for axis, path in files.items() if path},
            "preset": preset,
            "device": device,
        }
    )
    cases = [published(Case(**plain)) for plain in answer["cases"]]
    chosen = [case for case in cases if matches(keyword, case.id)]
    if not chosen:
        found = (
            f"none of {len(cases)} cases matches -k '{keyword}'"
            if cases
            else ("the selection has no cases in this preset")
        )
        raise UserError(f"{found}; `bench list` shows what there is", NOTHING_MEASURED)
    return chosen, answer["device"]


def _file(axis: str, path: Path) -> str:
    found = path.expanduser().absolute()
    if not found.is_file():
        raise UserError(f"--{axis} {path}: expected a file, there is none")
    return str(found)


def _absolute(selector: str) -> str:
    return str(Path(selector).expanduser().absolute()) if selector.endswith(".py") else selector


def matches(keyword: str, case_id: str) -> bool:
    """Evaluate `word`, `not word`, `a and b`, `a or b` (`and` binds tighter) on a case id."""
    text = case_id.lower()
    return not keyword.strip() or any(
        all(_term(term, text) for term in re.split(r"\s+and\s+", part))
        for part in re.split(r"\s+or\s+", keyword.strip().lower())
    )


def _term(term: str, text: str) -> bool:
    word = term.removeprefix("not ").strip()
    return (word in text) != term.startswith("not ")
