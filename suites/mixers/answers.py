"""Which mixer to take."""
from bench.answers import Answer, Record
from collections.abc import Sequence
QUESTION = "Which mixer?"
def answers(records: Sequence[Record]) -> list[Answer]:
    return []
