"""Which mixer to take."""

from collections.abc import Sequence

from bench.answers import Answer, Record

QUESTION = "Which mixer?"


def answers(records: Sequence[Record]) -> list[Answer]:
    return []
