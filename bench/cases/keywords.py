"""Which cases `-k` keeps: pytest's expressions over what a case's id contains.

    expression: conjunction ("or" conjunction)*
    conjunction: negation ("and" negation)*
    negation: "not" negation | "(" expression ")" | word

A word is a run of letters, digits and what else ids are made of, and asks for that piece of an id,
in upper or lower case. Nothing is guessed: what the grammar does not hold is refused, with its
column. A marker's arguments, which pytest knows too, have no meaning here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from bench.errors import UserError

Chooses = Callable[[str], bool]

DEEPEST = 50  # brackets in brackets: more is no expression that anybody reads
_WORD = r"[\w:+\-.\[\]\\/=,~<>%@]+"
_TOKEN = re.compile(rf"\s*(?:(?P<token>[()]|{_WORD})|(?P<end>$)|(?P<other>.))", re.DOTALL)
_OPERATORS = ("and", "or", "not", "(", ")")


def chooser(text: str) -> Chooses:
    """Return what says of a case's id whether it is kept; UserError where text is no expression.

    Without a word every case is.
    """
    if not text.strip():
        return lambda _: True
    reader = _Reader(text)
    found = reader.expression()
    reader.expect_end()
    return lambda case_id: found(case_id.lower())


@dataclass(frozen=True)
class _Token:
    text: str
    column: int

    @property
    def is_word(self) -> bool:
        return bool(self.text) and self.text not in _OPERATORS


class _Reader:
    """Reads an expression from left to right, one token ahead."""

    def __init__(self, text: str):
        self._text = text
        self._tokens = self._split()
        self._depth = 0

    def _split(self) -> list[_Token]:
        """Split into tokens; the last is empty."""
        tokens = []
        for match in _TOKEN.finditer(self._text):
            if match["other"]:
                what = f"a word, 'and', 'or', 'not' or brackets; got {match['other']!r}"
                raise self._refusal(match.start("other"), what)
            found = match["token"] or ""
            tokens.append(_Token(found, match.start("token" if found else "end")))
        return tokens[::-1]

    def expression(self) -> Chooses:
        """Read conjunctions joined by `or`."""
        parts = [self._conjunction()]
        while self._took("or"):
            parts.append(self._conjunction())
        return parts[0] if len(parts) == 1 else lambda text: any(part(text) for part in parts)

    def _conjunction(self) -> Chooses:
        parts = [self._negation()]
        while self._took("and"):
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else lambda text: all(part(text) for part in parts)

    def _negation(self) -> Chooses:
        wanted = True
        while self._took("not"):
            wanted = not wanted
        found = self._bracketed() if self._took("(") else self._word()
        return found if wanted else lambda text: not found(text)

    def _bracketed(self) -> Chooses:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._refusal(self._next.column, f"at most {DEEPEST} brackets within brackets")
        found = self.expression()
        if not self._took(")"):
            raise self._unexpected("'and', 'or' or ')'")
        self._depth -= 1
        return found

    def _word(self) -> Chooses:
        if not self._next.is_word:
            raise self._unexpected("a word, 'not' or '('")
        word = self._tokens.pop().text.lower()
        return lambda text: word in text

    def expect_end(self) -> None:
        """Refuse what follows an expression."""
        if self._next.text:
            raise self._unexpected("'and', 'or' or nothing more")

    @property
    def _next(self) -> _Token:
        return self._tokens[-1]

    def _took(self, operator: str) -> bool:
        """Take the next token if it is this one."""
        if self._next.text != operator:
            return False
        self._tokens.pop()
        return True

    def _unexpected(self, expected: str) -> UserError:
        got = repr(self._next.text) if self._next.text else "the end"
        return self._refusal(self._next.column, f"{expected}, got {got}")

    def _refusal(self, at: int, expected: str) -> UserError:
        return UserError(f"-k '{self._text}', column {at + 1}: expected {expected}")
