"""Give axis names a meaning: a problem's field, a setting, or a variant's option."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from bench.cases.case import ALLOCATORS, CACHES, Plain
from bench.cases.problem import Problem
from bench.cases.variant import Variant
from bench.errors import UserError

EFFORTS = ("rounds", "shares", "quality_seeds")
SETTINGS = ("dtype", "pass", "threads", "ranks", "cache", "allocator", *EFFORTS)
WORDS: dict[str, Plain] = {"none": None, "true": True, "false": False}
LARGEST = 2**63 - 1  # of what a size in torch, or an integer in a run folder, can be
_INTEGER = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
LEAST = {"threads": 1, "ranks": 1, "rounds": 0, "shares": 1, "quality_seeds": 0}


@dataclasses.dataclass(frozen=True)
class Bound:
    """One point of a sweep, told apart into what is the problem's, the case's, the variant's."""

    values: dict[str, Plain]
    settings: dict[str, Plain]
    options: dict[str, Plain]


def parse_overrides(texts: list[str]) -> dict[str, tuple[Plain, ...]]:
    """Read `axis=value[,value…]`; a later text for the same axis replaces an earlier one."""
    overrides = {}
    for text in texts:
        name, equals, values = text.partition("=")
        given = [value.strip() for value in values.split(",")]
        if not (name.strip() and equals and all(given)):
            raise UserError(f"--set '{text}': expected axis=value[,value…], as in seqlen=1024,4096")
        overrides[name.strip()] = tuple(_plain(value, text) for value in given)
    return overrides


def _plain(value: str, text: str) -> Plain:
    """Read one value; digits in groups, NaN and other names that Python knows are just words."""
    if value.lower() in WORDS:
        return WORDS[value.lower()]
    if not _DECIMAL.fullmatch(value):
        return value
    number = float(value)
    if not math.isfinite(number) or abs(number) > LARGEST:
        raise UserError(f"--set '{text}': expected numbers of at most {LARGEST}, got {value[:40]}")
    return int(value) if _INTEGER.fullmatch(value) else number


def fields_of(problem: type[Problem]) -> dict[str, Any]:
    """Return the fields of a problem class and their types; read once."""
    return _fields_of(problem)


@cache
def _fields_of(problem: Any) -> dict[str, Any]:
    hints = get_type_hints(problem)
    return {f.name: hints[f.name] for f in dataclasses.fields(problem)}


def names_for(variant: Variant) -> set[str]:
    """Return every axis that means something to this variant."""
    problem = variant.problem_type
    return {*fields_of(problem), *problem.aliases, *SETTINGS, *variant.options}


def bind(variant: Variant, point: Mapping[str, Plain]) -> Bound:
    """Sort one point's axes by owner; axes that mean nothing to this variant are left out."""
    problem = variant.problem_type
    fields = fields_of(problem)
    values: dict[str, Plain] = {}
    for alias, targets in problem.aliases.items():
        if alias in point:
            values |= dict.fromkeys(targets, point[alias])
    values |= {name: point[name] for name in fields if name in point}
    for name, value in values.items():
        _expect_type(f"{problem.__name__}.{name}", value, fields[name])
    settings = {name: point[name] for name in SETTINGS if name in point}
    _expect_settings(problem, settings)
    options = {name: point[name] for name in variant.options if name in point}
    for name, value in options.items():
        if variant.options[name] is not None:  # such an option takes any value
            _expect_type(f"{variant.name}'s option {name}", value, type(variant.options[name]))
    return Bound(values, settings, options)


def _expect_type(what: str, value: Plain, hint: Any) -> None:
    kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    fits = type(value) in kinds or (type(value) is int and float in kinds)
    if not fits:
        expected = " or ".join("none" if k is type(None) else k.__name__ for k in kinds)
        raise UserError(f"axis {what}: expected {expected}, got {value!r}")


def _expect_settings(problem: type[Problem], settings: Mapping[str, Plain]) -> None:
    allowed = {
        "dtype": problem.dtypes,
        "cache": CACHES,
        "allocator": ALLOCATORS,
        "pass": problem.passes,
    }
    for name, valid in allowed.items():
        if name in settings and settings[name] not in valid:
            raise UserError(f"axis {name}: expected {' or '.join(valid)}, got {settings[name]!r}")
    if settings.get("ranks", 1) != 1 and problem.ranks == (1,):
        raise UserError(f"axis ranks: {problem.__name__} runs in one process; expected 1")
    for name, least in LEAST.items():
        value = settings.get(name, least)
        if type(value) is not int or value < least:
            raise UserError(
                f"axis {name}: expected a whole number of at least {least}, got {value!r}"
            )
