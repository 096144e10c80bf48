"""What the user asked for, turned into cases by a listing fork."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol

from bench.cases.case import Case
from bench.cases.counted import counted
from bench.cases.given import given_path
from bench.cases.keywords import chooser
from bench.cases.sweep import PRESETS
from bench.errors import NOTHING_MEASURED, UserError, unknown
from bench.selecting.described import Described
from bench.selecting.like.given import model_like
from bench.sides.checkout import at_work, published
from bench.sides.side import Side


class Lister(Protocol):
    """Lists cases: a side, or a server of it that runs already."""

    def list_cases(self, request: dict[str, Any]) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Selection:
    """Cases and the device they run on, which may be `absent` where nothing is run.

    `variants` are those of the cases, described, where that was asked for; without a keyword also
    those that the preset asks nothing of.
    """

    cases: list[Case]
    device: str
    absent: bool = False
    variants: list[Described] = field(default_factory=list)


def select(
    lister: Lister,
    selectors: list[str],
    keyword: str,
    sets: list[str],
    preset: str,
    device: str,
    files: Mapping[str, Path | None],
    absent: bool = False,
    like: str = "",
    long: bool = False,
) -> Selection:
    """Return what is chosen, and the device; UserError where nothing fits.

    `files` are the user's own, by the axis that takes them; `like` names a model in whose shapes is
    asked. The device may be `absent` where nothing is run there.
    """
    chooses = chooser(keyword)  # refused before anything is imported
    words = (selectors, sets, preset, device, files)
    answer = ask(lister, *words, absent=absent, like=like, long=long)
    cases = [published(Case(**plain)) for plain in answer["cases"]]
    chosen = [case for case in cases if chooses(case.id)]
    if not chosen:
        found = (
            f"none of {counted(len(cases), 'case')} matches -k '{keyword}'"
            if cases
            else ("the selection has no cases in this preset")
        )
        raise UserError(f"{found}; `bench list` shows what there is", NOTHING_MEASURED)
    expect_files(lister, chosen, files)
    described = [Described(**plain) for plain in answer.get("variants", [])]
    ours = {(case.suite, case.variant, case.problem) for case in chosen}
    shown = [d for d in described if not keyword or (d.suite, d.variant, d.problem) in ours]
    return Selection(chosen, answer["device"], answer["absent"], shown)


def expect_files(
    lister: Lister, cases: list[Case], axes: Iterable[str], side: Side | None = None
) -> None:
    """Have the problems read what the user gave; UserError where one cannot use its file."""
    given = [case for case in cases if any(case.values.get(axis) for axis in axes)]
    if given:
        plain = [at_work(case, side) for case in given]
        lister.list_cases({"given": plain, "device": "cpu"})


def ask(
    lister: Lister,
    selectors: list[str],
    sets: list[str],
    preset: str,
    device: str,
    files: Mapping[str, Path | None],
    lenient: bool = False,
    absent: bool = False,
    like: str = "",
    long: bool = False,
    quiet: bool = False,
) -> dict[str, Any]:
    """Return the listing's answer: cases as plain data, and the device.

    What it prints is passed on to the user, or kept in the answer as `said` if that is `quiet`.
    """
    if preset not in PRESETS:
        raise unknown("preset", preset, PRESETS)
    for text in sets:
        if (axis := text.partition("=")[0].strip()) in files:
            raise UserError(f"--set '{text}': expected a path as --{axis} PATH")
    suites = {point.name: point.value for point in entry_points(group="touchstone.suites")}
    request = {
        "selectors": [_absolute(selector) for selector in selectors],
        "suites": suites,
        "sets": sets,
        "files": {axis: _path(axis, path) for axis, path in files.items() if path},
        "preset": preset,
        "device": device,
        "lenient": lenient,
        "absent": absent,
        "like": asdict(model_like(like)) if like else None,
        "long": long,
        "quiet": quiet,
    }
    return lister.list_cases(request)


def _path(axis: str, path: Path) -> str:
    """Return a file's or a folder's path; whether it may be a folder, the problem judges."""
    found = given_path(path).absolute()
    there = os.path.isfile(found) or os.path.isdir(found)  # no name is too long to ask
    if not (there and os.access(found, os.R_OK)):
        raise UserError(
            f"--{axis} {path}: expected a file or folder that can be read, there is none"
        )
    return str(found)


def _absolute(selector: str) -> str:
    return str(given_path(selector).absolute()) if selector.endswith(".py") else selector
