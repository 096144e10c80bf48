"""What some problems refuse of what was set, where others take it: left out, and told."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from bench.cases.case import Plain
from bench.cases.problem import Problem
from bench.errors import UserError
from bench.selecting.axes import fields_of

Given = dict[str, Plain]


class Refusals:
    """Keeps which values that were set a case asks, and what was said to those that none does."""

    def __init__(self) -> None:
        self._taken: set[tuple[str, Plain]] = set()
        self._refused: list[tuple[Given, UserError]] = []

    def refuse(self, problem: type[Problem], given: Given, error: UserError) -> None:
        """Keep what a problem says to values; if none is its own, the preset is at fault."""
        own = {axis: value for axis, value in given.items() if _names(problem, axis)}
        if not own:
            raise error
        self._refused.append((own, error))

    def take(self, problem: type[Problem], given: Given, values: Mapping[str, Plain]) -> None:
        """Keep that a case asks what was set, as far as its sweep did not say otherwise."""
        for axis, value in given.items():
            if value in [values[name] for name in _names(problem, axis)]:
                self._taken.add((axis, value))

    def tell(self) -> None:
        """Say in a line each what was left out; raise what was said to a value that nobody took."""
        for given, error in self._refused:
            if not self._taken.issuperset(given.items()):
                raise error
        for line in dict.fromkeys(str(error) for _, error in self._refused):
            print(f"left out: {line}", file=sys.stderr)


def _names(problem: type[Problem], axis: str) -> tuple[str, ...]:
    """Return the fields of a problem that an axis sets."""
    return problem.aliases.get(axis, tuple({axis} & {*fields_of(problem)}))
