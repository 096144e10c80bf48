"""All findings in one sentence."""

from __future__ import annotations

from collections.abc import Sequence

from bench.health.finding import Finding

ASK = "by how much, `bench selftest` measures"


def summary(findings: Sequence[Finding], wander: str = ASK) -> str:
    """Sum findings up: what the machine is, what to expect, what to do first.

    `wander` says how far times wander, where that is known; no number is made up here.
    """
    noisy = [finding for finding in findings if finding.makes_it]
    if not noisy:
        return f"This machine looks quiet: nothing seen that makes times wander; {wander}."
    kinds = _joined(list(dict.fromkeys(finding.makes_it for finding in noisy)))
    return f"This machine is {kinds}: expect times to wander; {wander}. First: {noisy[0].advice}."


def _joined(words: list[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last
