"""Give axis names a meaning: a problem's field, a setting, or a variant's option."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from bench.case import ALLOCATORS, CACHES, Plain
from bench.errors import UserError
from bench.problem import Problem
from bench.variant import Variant

SETTINGS = ("dtype", "pass", "threads", "ranks", "cache", "allocator", "rounds", "quality_seeds")
LEAST = {"threads": 1, "ranks": 1, "rounds": 0, "quality_seeds": 0}


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
        if not (name and equals and values):
            raise UserError(f"--set '{text}': expected axis=value[,value…], as in seqlen=1024,4096")
        overrides[name.strip()] = tuple(_plain(v.strip()) for v in values.split(","))
    return overrides


def _plain(text: str) -> Plain:
    words: dict[str, Plain] = {"none": None, "true": True, "false": False}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def fields_of(problem: type[Problem]) -> dict[str, Any]:
    """Return the fields of a problem class and their types."""
    hints = get_type_hints(problem)
    return {f.name: hints[f.name] for f in dataclasses.fields(problem)}  # type: ignore[arg-type]


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
