"""What one side lists of the selection, and what it lacks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.cases.case import Case
from bench.errors import UserError
from bench.running.pairing.contenders import Contender
from bench.sides.checkout import published
from bench.sides.selection import ask
from bench.system.own import ROOT


@dataclass(frozen=True)
class Asked:
    """What is asked of both sides alike."""

    keyword: str = ""
    sets: list[str] = field(default_factory=list)
    preset: str = "quick"
    device: str = "auto"
    files: Mapping[str, Path | None] = field(default_factory=dict)
    like: str = ""


@dataclass(frozen=True)
class Listed:
    """A side's cases; why there are none, by selector; modules it cannot import; what it said."""

    contender: Contender
    cases: list[Case]
    device: str
    lacking: dict[str, str]
    broken: list[str]
    said: list[str]


def list_side(contender: Contender, asked: Asked) -> Listed:
    """Ask one side; UserError where it refuses, under the name of the side."""
    side, sets = contender.side, [*asked.sets, *contender.sets]
    words = (contender.selectors, sets, asked.preset, asked.device, asked.files)
    try:
        answer = ask(side, *words, lenient=True, like=asked.like, quiet=True)
    except UserError as error:
        raise UserError(f"{contender.name}: {side.told(str(error))}", error.exit_code) from error
    cases = [published(Case(**plain), side) for plain in answer["cases"]]
    for case in cases:
        _expect_own(contender, case)
    lacking = {side.told(name): side.told(why) for name, why in answer["lacking"].items()}
    return Listed(
        contender,
        _of_variant(contender, cases),
        answer["device"],
        lacking,
        answer["broken"],
        side.told(answer["said"]).splitlines(),
    )


def _of_variant(contender: Contender, cases: list[Case]) -> list[Case]:
    """Keep the one variant that a contender is, where it is one."""
    if contender.variant is None:
        return cases
    suite, name = contender.variant
    own = [case for case in cases if case.suite == suite or case.suite.endswith(f".{suite}")]
    exact = [case for case in own if case.variant == name]
    return exact or [case for case in own if case.variant.endswith(f"_{name}")]


def _expect_own(contender: Contender, case: Case) -> None:
    """Refuse a module that a side lacks and the present checkout would stand in for."""
    path = Path(f"{case.module.replace('.', '/')}.py")
    root = contender.side.root
    if not case.module.endswith(".py") and (ROOT / path).exists() and not (root / path).exists():
        raise UserError(f"{contender.name}: {case.module} is not part of it")
