"""Numbers of things in words: `1 round`, `3 rounds`."""

from __future__ import annotations

from collections.abc import Iterable

from bench.cases.case import Case


def counted(number: int, noun: str) -> str:
    """Write a number and what is counted."""
    ending = "" if number == 1 else "es" if noun.endswith("s") else "s"
    return f"{number} {noun}{ending}"


def rounds_asked(cases: Iterable[Case], checkpoints: Iterable[int]) -> str:
    """Say how many rounds the cases get: where a run may stop, or what a case asks for itself."""
    planned = [sorted({case.most_rounds(rounds) for rounds in checkpoints}) for case in cases]
    told = sorted({rounds for own in planned for rounds in own})
    if len(told) > 2:
        return f"{told[0]} to {told[-1]} rounds"
    return " or ".join(map(str, told)) + (" round" if told == [1] else " rounds")
