"""Findings in words: a line a trial, a line a figure, and one for all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import get_args

from bench.running.proving.gpucheck.finding import Figure, Finding, Word, in_range, unit

WORDS = get_args(Word)
STYLES = dict(zip(WORDS, ("green", "bold red", "yellow", "yellow"), strict=True))


def lines_of(finding: Finding) -> list[str]:
    """Return the lines of a finding, the word first."""
    told = f": {finding.detail}" if finding.detail else ""
    head = f"{finding.word:<9} {finding.name}, {finding.elapsed_s:.0f} s{told}"
    return [head, *(f"          {line(figure)}" for figure in finding.figures)]


def line(figure: Figure) -> str:
    """Return a figure, with what is expected of it; one that failed is marked."""
    expected = in_range(figure)
    beside = f"  (expected {expected}{unit(figure)})" if expected else ""
    mark = "  <- failed" if figure.word == "failed" else ""
    return f"{figure.name}: {_value(figure)}{beside}{mark}"


def _value(figure: Figure) -> str:
    return "not told" if figure.value is None else f"{figure.value:.4g}{unit(figure)}"


def summary(findings: Sequence[Finding]) -> str:
    """Count the words of all, in one line."""
    counts = Counter(finding.word for finding in findings)
    told = [f"{number} {word}" for word in WORDS if (number := counts[word])]
    return ", ".join(told) or "nothing was asked"


def text(findings: Iterable[Finding]) -> str:
    """Return all lines of all findings."""
    found = list(findings)
    return "\n".join([*(one for each in found for one in lines_of(each)), summary(found), ""])
