"""Which of an operator's calls its change is of, in words."""

from __future__ import annotations

from collections.abc import Sequence

from bench.profiling.aligned import Changed

MOST_OF_IT = 0.75  # of all that its calls moved by
FEW = 3  # calls that are named


def which(calls: Sequence[Changed]) -> str:
    """Name the few calls that a change is of, as `the 3rd of 6 calls (8×16 16×4)`; else nothing.

    Where none stayed no call is singled out: `all 2 calls (8×16 16×4) came`.
    """
    if len(calls) > 1 and all(call.sort != "stayed" for call in calls):
        each = ([call for call in calls if call.sort == sort] for sort in ("went", "came"))
        return " and ".join(_all_of(own) for own in each if own)
    moved = sum(abs(call.change_s) for call in calls)
    order = sorted(calls, key=lambda call: -abs(call.change_s))
    for few in range(1, FEW + 1):
        named = order[:few]
        if 2 * few >= len(calls) + (few == 1):  # of two calls one; of six no more than two
            return ""
        if moved > 0 and sum(abs(call.change_s) for call in named) >= MOST_OF_IT * moved:
            return _in_words(sorted(named, key=lambda call: (call.sort, call.number)))
    return ""


def _all_of(own: Sequence[Changed]) -> str:
    """Say that all calls of one side came, or went, with their shapes where these are one."""
    number = "the one call" if len(own) == 1 else f"all {len(own)} calls"
    shapes = {call.shapes for call in own}
    return f"{number}{_bracketed(*shapes) if len(shapes) == 1 else ''} {own[0].sort}"


def _in_words(named: Sequence[Changed]) -> str:
    if len({(call.of, call.shapes, call.sort) for call in named}) > 1:
        return " and ".join(_in_words([call]) for call in named)
    numbers = " and ".join(_ordinal(call.number) for call in named)
    one = named[0]
    done = {"stayed": "", "came": ", which came", "went": ", which went"}[one.sort]
    return f"the {numbers} of {one.of} calls{_bracketed(one.shapes)}{done}"


def _bracketed(shapes: str) -> str:
    return f" ({shapes})" if shapes else ""


def _ordinal(number: int) -> str:
    """Write 1st, 2nd, 3rd, 4th …, 11th."""
    teens = number % 100 in (11, 12, 13)
    ending = "th" if teens else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
