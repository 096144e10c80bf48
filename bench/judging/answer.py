"""Answer: a sentence that a person would act on, and the records it stands on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.judging.record import Record

MOST = 3  # answers of a suite that are shown: who reads more is served by a table


@dataclass(frozen=True)
class Answer:
    """What a run says of a suite's question, from intervals alone, or what would settle it.

    `answers(records)` in a suite's `answers.py` returns one to three of them, the most useful
    first, from the records of that suite; of none, the report says what is fastest instead.
    `QUESTION`, beside it, is what they answer. `records` are those that the sentence stands on.
    """

    sentence: str
    records: Sequence[Record] = ()
