"""What a trial came to: figures, each beside what is expected of it, and one word for all."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

Word = Literal["passed", "failed", "not told", "skipped"]


class Skipped(Exception):
    """The machine or its environment lacks what the trial is about; the message says what."""


class NotTold(Exception):
    """The device, or its driver, does not answer what the trial asks."""


class Failed(Exception):
    """The trial ended without figures; the message says how."""


@dataclass(frozen=True)
class Figure:
    """One number, its unit, and what it is expected to lie between, both ends included.

    One that the device does not tell is None. Without bounds it is only told.
    """

    name: str
    value: float | None
    unit: str = "1"
    least: float = -math.inf
    most: float = math.inf

    @property
    def word(self) -> Word:
        """Judge it; what is no number lies nowhere."""
        if self.value is None:
            return "not told"
        return "passed" if self.least <= self.value <= self.most else "failed"


@dataclass(frozen=True)
class Finding:
    """One trial, or a part of one: the word for it, its figures, and what else there is to say.

    `by_fault` says that the trial itself raised: nothing is known of the device then.
    """

    name: str
    word: Word
    figures: list[Figure] = field(default_factory=list)
    detail: str = ""
    elapsed_s: float = 0.0
    by_fault: bool = False


def word_of(figures: Sequence[Figure]) -> Word:
    """Return one word for all: a figure that fails is enough, and so is one that passes."""
    words = {figure.word for figure in figures}
    if "failed" in words:
        return "failed"
    return "passed" if "passed" in words else "not told"


def out_of_range(figures: Iterable[Figure]) -> str:
    """Say which figures failed, and what was expected."""
    return "; ".join(
        f"{f.name} is {f.value:.4g}{unit(f)}, expected {in_range(f)}"
        for f in figures
        if f.word == "failed"
    )


def unit(figure: Figure) -> str:
    """Return the unit to be written behind a number; a bare number has none."""
    return "" if figure.unit == "1" else f" {figure.unit}"


def in_range(figure: Figure) -> str:
    """Write what a figure is expected to be; nothing where it is only told."""
    if figure.least == figure.most:
        return f"{figure.least:.4g}"
    if math.isinf(figure.least):
        return "" if math.isinf(figure.most) else f"at most {figure.most:.4g}"
    if math.isinf(figure.most):
        return f"at least {figure.least:.4g}"
    return f"{figure.least:.4g} to {figure.most:.4g}"
