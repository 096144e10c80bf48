"""What the user asked for, turned into cases by the listing child."""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from bench.case import Case
from bench.checkout import publishable
from bench.errors import NOTHING_MEASURED, UserError, unknown
from bench.side import Side
from bench.sweep import PRESETS


def select(
    side: Side, selectors: list[str], keyword: str, sets: list[str], preset: str, device: str
) -> tuple[list[Case], str]:
    """Return the cases and the device they run on; UserError where nothing fits."""
    if preset not in PRESETS:
        raise unknown("preset", preset, PRESETS)
    answer = side.list_cases(
        {
            "selectors": [_absolute(selector) for selector in selectors],
            "suites": {
                point.name: point.value for point in entry_points(group="touchstone.suites")
            },
            "sets": sets,
            "preset": preset,
            "device": device,
        }
    )
    cases = [_case(plain) for plain in answer["cases"]]
    chosen = [case for case in cases if matches(keyword, case.id)]
    if not chosen:
        found = (
            f"none of {len(cases)} cases matches -k '{keyword}'"
            if cases
            else ("the selection has no cases in this preset")
        )
        raise UserError(f"{found}; `bench list` shows what there is", NOTHING_MEASURED)
    return chosen, answer["device"]


def _absolute(selector: str) -> str:
    return str(Path(selector).expanduser().absolute()) if selector.endswith(".py") else selector


def _case(plain: dict[str, Any]) -> Case:
    return Case(**{**plain, "module": publishable(plain["module"])})


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
