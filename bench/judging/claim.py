"""Claim: a sentence of the literature, and the check over a run that says whether it holds here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Literal

from bench.judging.record import Record

Verdict = Literal["holds", "fails", "untested"]


@dataclass(frozen=True)
class Finding:
    """What a run says of a claim, with the figures that say it; `untested` says what is missing."""

    verdict: Verdict
    figures: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Claim:
    """A function `(records) -> Finding`; its docstring's first line is the sentence."""

    check: Callable[[Sequence[Record]], Finding]
    source: str

    @property
    def name(self) -> str:
        return self.check.__name__

    @property
    def sentence(self) -> str:
        return (self.check.__doc__ or self.name).strip().splitlines()[0]


def claim(source: str) -> Callable[[Callable[[Sequence[Record]], Finding]], Claim]:
    """Mark a function of a suite's `claims.py` as a claim, with where the claim is made."""
    return lambda check: Claim(check, source)


def claims_of(module: ModuleType) -> list[Claim]:
    """Return a module's claims in the order they are written."""
    return [value for value in vars(module).values() if isinstance(value, Claim)]
