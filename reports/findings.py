"""What the run says of the literature: the claims of every suite that ran, judged."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from importlib.metadata import entry_points

import pandas as pd

from bench.judging.claim import Claim, Verdict, claims_of
from bench.judging.record import Record

VERDICTS: tuple[Verdict, ...] = ("holds", "fails", "untested")
COLUMNS = ("suite", "claim", "verdict", "sentence", "source", "figures")


@dataclass(frozen=True)
class Judged:
    """A claim of a suite, and what this run says of it."""

    suite: str
    claim: Claim
    verdict: Verdict
    figures: list[str]


def judge(records: list[Record]) -> list[Judged]:
    """Put every claim of the suites that ran to their own records, and to those of their kind."""
    judged: list[Judged] = []
    for point in sorted(entry_points(group="touchstone.claims"), key=lambda p: p.name):
        spoken = [record for record in records if record.case.spoken_for_by == point.name]
        for suite in sorted({record.case.suite for record in spoken}):
            own = [record for record in spoken if record.case.suite == suite]
            judged += [_judge(suite, claim, own) for claim in claims_of(point.load())]
    return judged


def _judge(suite: str, claim: Claim, records: list[Record]) -> Judged:
    """Put one claim to the records; one that raises tests nothing, and costs no other."""
    try:
        found = claim.check(records)
    except Exception as error:
        words = " ".join(f"{type(error).__name__}: {error}".split())
        return Judged(suite, claim, "untested", [f"its check raised {words[:300]}"])
    return Judged(suite, claim, found.verdict, found.figures)


def count_verdicts(judged: list[Judged]) -> str:
    """Say how many claims hold, fail and are untested; nothing where there is no claim."""
    counts = Counter(found.verdict for found in judged)
    held, failed, untested = (counts[verdict] for verdict in VERDICTS)
    words = [
        f"{held} {'holds' if held == 1 else 'hold'}" if held else "",
        f"{failed} {'fails' if failed == 1 else 'fail'}" if failed else "",
        f"{untested} untested" if untested else "",
    ]
    return ", ".join(word for word in words if word)


def findings_table(records: list[Record]) -> pd.DataFrame:
    """Return one row a claim."""
    rows = [
        (
            found.suite,
            found.claim.name,
            found.verdict,
            found.claim.sentence,
            found.claim.source,
            "; ".join(found.figures),
        )
        for found in judge(records)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))
