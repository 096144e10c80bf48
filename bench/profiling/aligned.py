"""Calls of two profiles matched: by order where both make the same, else by what is around them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from bench.profiling.calls import Call, Place

MOST = 4000  # calls in which two steps differ, from the first to the last: more are not matched

Calls = Sequence[Call]


@dataclass(frozen=True)
class Changed:
    """By how many seconds one call grew: the `number`-th, from 1, of `of` of its operator.

    They are counted in NEW; one that `went`, in BASE.
    """

    number: int
    of: int
    shapes: str
    change_s: float
    sort: Literal["stayed", "came", "went"] = "stayed"


def changed_calls(base: Calls, new: Calls) -> dict[Place, list[Changed]]:
    """Return how every call changed, by operator; nothing where two steps are too far apart."""
    before, after = _by_place(base), _by_place(new)
    places = before.keys() | after.keys()
    if all(_alike(base, before[p], new, after[p]) for p in places):
        partners: dict[int, int] = {}
    elif (found := _partners(base, new)) is not None:
        partners = found
    else:
        return {}
    return {
        place: list(_changed(base, new, before[place], after[place], partners)) for place in places
    }


def _changed(
    base: Calls, new: Calls, before: list[int], after: list[int], partners: dict[int, int]
) -> Iterator[Changed]:
    """Yield the calls of one operator: in order, where both sides make the same."""
    if _alike(base, before, new, after):
        partners = dict(zip(before, after, strict=True))
    taken = {partners[i]: base[i].seconds for i in before if i in partners}
    for number, j in enumerate(after, 1):
        change = new[j].seconds - taken.get(j, 0.0)
        sort: Literal["stayed", "came"] = "stayed" if j in taken else "came"
        yield Changed(number, len(after), new[j].shapes, change, sort)
    for number, i in enumerate(before, 1):
        if i not in partners:
            yield Changed(number, len(before), base[i].shapes, -base[i].seconds, "went")


def _by_place(calls: Calls) -> defaultdict[Place, list[int]]:
    found: defaultdict[Place, list[int]] = defaultdict(list)
    for number, call in enumerate(calls):
        found[call.place].append(number)
    return found


def _alike(base: Calls, before: list[int], new: Calls, after: list[int]) -> bool:
    return [base[i].shapes for i in before] == [new[j].shapes for j in after]


def _partners(base: Calls, new: Calls) -> dict[int, int] | None:
    """Return which call of NEW each one of BASE is; None where too much lies between."""
    names = [[(call.place, call.shapes) for call in side] for side in (base, new)]
    first = _common(*names)
    last = _common(names[0][first:][::-1], names[1][first:][::-1])
    middle = [side[first : len(side) - last] for side in names]
    if max(map(len, middle)) > MOST:
        return None
    found = {i: i for i in range(first)}
    found |= {len(base) - i: len(new) - i for i in range(1, last + 1)}
    between = SequenceMatcher(a=middle[0], b=middle[1], autojunk=False)
    for tag, i, i_end, j, j_end in between.get_opcodes():
        ranges = range(first + i, first + i_end), range(first + j, first + j_end)
        if tag == "equal":
            found |= dict(zip(*ranges, strict=True))
        elif tag == "replace":
            found |= _replaced(base, new, *ranges)
    return found


def _common(a: Sequence[object], b: Sequence[object]) -> int:
    """Return how many are the same from the start."""
    differ = (number for number, (x, y) in enumerate(zip(a, b, strict=False)) if x != y)
    return next(differ, min(len(a), len(b)))


def _replaced(base: Calls, new: Calls, before: range, after: range) -> dict[int, int]:
    """Match calls that only have other shapes: as many of an operator between the same others."""
    found: dict[int, int] = {}
    for place in {base[i].place for i in before}:
        was = [i for i in before if base[i].place == place]
        now = [j for j in after if new[j].place == place]
        if len(was) == len(now):
            found |= dict(zip(was, now, strict=True))
    return found
