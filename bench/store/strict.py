"""JSON read against a noun's own types: nothing unknown, nothing doubled, nothing out of bounds."""

from __future__ import annotations

import dataclasses
import json
from functools import cache
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from bench.cases.bounds import LARGEST_INT, Within, Written
from bench.errors import UserError

DEPTH = 12  # of what is kept as it was found, such as an environment
_LONGEST = 300  # characters of a complaint
_SAMPLES = b'"samples":['

T = TypeVar("T")


def decode(data: bytes, kind: type[T], where: str) -> T:
    """Return what the JSON says as a dataclass; UserError with the place and what was expected."""
    try:
        found = msgspec.json.decode(data, type=_strict_type(kind))
        _NAMES_ONCE.decode(_without_samples(data).decode())
        return msgspec.convert(found, type=kind, from_attributes=True)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise UserError(f"{where}: not a valid {kind.__name__.lower()}: {_line(error)}") from error


def convert(plain: object, kind: type[T], where: str) -> T:
    """Return plain data as a dataclass, as strictly; UserError with the place."""
    return decode(msgspec.json.encode(plain), kind, where)


def _line(error: Exception) -> str:
    """Return a complaint as one line of bounded length; keys and values in it may be anything."""
    told = " ".join(str(error).split())
    return told if len(told) <= _LONGEST else f"{told[:_LONGEST]}…"


def _without_samples(data: bytes) -> bytes:
    """Return valid JSON without its lists of samples: most of a line, and no name is in numbers."""
    head, *pieces = data.split(_SAMPLES)
    return _SAMPLES.join([head, *map(_emptied, pieces)])


def _emptied(piece: bytes) -> bytes:
    end = piece.find(b"]")
    named = any(piece.find(mark, 0, end) >= 0 for mark in (b'"', b"[", b"{"))
    return piece if named else piece[end:]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a name that an object has twice: which one counts would be the reader's choice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"expected every name once, got '{twice}' twice")
    return found


_NAMES_ONCE = json.JSONDecoder(object_pairs_hook=_once)


@cache
def strict(kind: Any) -> Any:
    """Return a type that decodes what the dataclass does, and refuses all else."""
    hints = get_type_hints(kind, include_extras=True)
    fields = [
        (field.name, _strict_type(hints[field.name]), *_default(field))
        for field in dataclasses.fields(kind)
    ]
    return msgspec.defstruct(kind.__name__, fields, kw_only=True, forbid_unknown_fields=True)


def _default(field: dataclasses.Field[Any]) -> tuple[Any, ...]:
    if field.default is not dataclasses.MISSING:
        return (field.default,)
    if field.default_factory is not dataclasses.MISSING:
        return (msgspec.field(default_factory=field.default_factory),)
    return ()


def _strict_type(annotation: Any) -> Any:
    if isinstance(annotation, type) and dataclasses.is_dataclass(annotation):
        return strict(annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        metas = (_meta(bound) for bound in arguments[1:])
        return Annotated[(_strict_type(arguments[0]), *metas)]
    if origin in (list, dict, tuple):
        return origin[tuple(map(_strict_type, arguments))]
    if origin in (Union, UnionType):
        return Union[tuple(map(_strict_type, arguments))]  # noqa: UP007
    return annotation


def _meta(bound: Within | Written) -> msgspec.Meta:
    if isinstance(bound, Within):
        return msgspec.Meta(ge=bound.least, le=bound.most)
    return msgspec.Meta(min_length=bound.least, max_length=bound.most, pattern=bound.pattern)


def insane(value: Any, depth: int = DEPTH) -> str:
    """Say why no one can have meant a value that has no type of its own; empty where it is fine."""
    if depth < 0:
        return f"expected at most {DEPTH} levels"
    if isinstance(value, int) and abs(value) > LARGEST_INT:
        return f"expected whole numbers of 64 bits, got one of {value.bit_length()}"
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return next(filter(None, (insane(one, depth - 1) for one in value)), "")
    return ""
