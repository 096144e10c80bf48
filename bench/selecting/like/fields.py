"""A configuration's fields, each taken once, and refused in a line that says what to mend."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from bench.errors import UserError

LARGEST = 2**63 - 1
_SHOWN = 60


class Fields:
    """What a file or a section of it says; remembers which of it was read."""

    def __init__(self, where: str, values: Mapping[str, Any]):
        self.where, self._values, self._read = where, values, set[str]()

    def get(self, name: str) -> Any:
        """Return a field's value, None where there is none."""
        self._read.add(name)
        return self._values.get(name)

    def names(self) -> list[str]:
        return list(self._values)

    def unread(self) -> list[str]:
        return [name for name in self._values if name not in self._read]

    def first(self, names: Iterable[str]) -> str:
        """Return which of these spellings is there; UserError where two of them disagree."""
        found = {name: value for name in names if (value := self.get(name)) is not None}
        one = next(iter(found), "")
        for name, value in found.items():
            if value != found[one]:
                raise self.refusal(
                    one, f"{shown(found[one])} and {name} {shown(value)} disagree; keep one"
                )
        return one

    def count(self, name: str) -> int:
        """Return a whole number of at least 1."""
        value = self.get(name)
        if type(value) is not int or not 1 <= value <= LARGEST:
            raise self.refusal(name, f"expected a whole number of at least 1, got {shown(value)}")
        return value

    def number(self, name: str) -> float:
        """Return a finite number above 0."""
        value = self.get(name)
        if type(value) not in (int, float) or not 0 < value <= LARGEST or math.isnan(value):
            raise self.refusal(name, f"expected a number above 0, got {shown(value)}")
        return float(value)

    def flag(self, name: str) -> bool | None:
        """Return true or false, None where the field is missing or null."""
        value = self.get(name)
        if value is not None and type(value) is not bool:
            raise self.refusal(name, f"expected true or false, got {shown(value)}")
        return value

    def words(self, name: str) -> list[str]:
        """Return a list of words, empty where the field is missing or null."""
        value = self.get(name)
        if value is not None and not (
            isinstance(value, list) and all(isinstance(word, str) for word in value)
        ):
            raise self.refusal(name, f"expected a list of words, got {shown(value)}")
        return value or []

    def section(self, name: str) -> Fields | None:
        """Return what a nested object says, None where there is none."""
        value = self.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.refusal(name, f"expected an object, got {shown(value)}")
        return Fields(f"{self.where}: {name}", value)

    def refusal(self, name: str, what: str) -> UserError:
        return UserError(f"{self.where}: {name}: {what}")


def shown(value: Any) -> str:
    """Write a value as JSON's words would, briefly."""
    words = {None: "null", True: "true", False: "false"}
    text = words[value] if value is None or isinstance(value, bool) else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
