"""The words of a comparison, in the order that they matter to a reader."""

from typing import Final, Literal

from bench.judging.verdict import Verdict

# Beside the verdicts on times and outcomes: other quantities get better or worse, and where
# neither side is ok there is nothing to compare.
Word = Verdict | Literal["better", "worse", "changed", "not comparable"]

WORDS: tuple[Word, ...] = (
    "broken",
    "slower",
    "worse",
    "fixed",
    "faster",
    "better",
    "changed",
    "unclear",
    "same",
    "added",
    "removed",
    "not comparable",
)
CHANGED: Final = "changed"  # a call does something else, which by itself is neither good nor bad
BAD = ("broken", "slower", "worse")
GOOD = ("fixed", "faster", "better")
INCOMPARABLE = ("added", "removed", "not comparable")
TIME = "time"  # the group of what is judged as time, on whichever clock
OUTCOME = "outcome"  # the quantity of a row about the case as a whole
