"""Which of a model's shapes a problem takes, and the line that tells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from bench.cases.case import Plain
from bench.cases.problem import Problem
from bench.cases.sweep import Sweep
from bench.errors import UserError
from bench.selecting.axes import fields_of
from bench.selecting.like.model import Model


def nouns_of(problem: type[Problem]) -> dict[str, str]:
    """Return what each field takes of a model: what it is called, or what `like` says."""
    named = {field: problem.like.get(field, field) for field in fields_of(problem)}
    return {field: noun for field, noun in named.items() if noun}


def axes_like(model: Model, problem: type[Problem]) -> dict[str, tuple[Plain, ...]]:
    """Return the axes of a problem that ask in a model's shapes."""
    return {
        field: tuple(model.shapes[noun])
        for field, noun in nouns_of(problem).items()
        if noun in model.shapes
    }


def kin_of(problem: type[Problem]) -> dict[str, str]:
    """Return which problem is asked beside this very one, by what a model may have."""
    own: dict[str, str] = vars(problem).get("kin", {})
    return own


def with_kin(
    model: Model, sweeps: Iterable[Sweep], problems: Mapping[str, type[Problem]]
) -> Iterator[Sweep]:
    """Ask every sweep, and beside it what the model does in its place."""
    for sweep in sweeps:
        yield sweep
        kin = kin_of(problems[sweep.problem]) if sweep.problem in problems else {}
        for noun, name in kin.items():
            if noun in model.shapes and name in problems:
                yield replace(sweep, problem=name)


def in_words(model: Model, problems: Iterable[type[Problem]]) -> str:
    """Say in a line what is asked of the model, by which fields; UserError where nothing is."""
    asking = {problem.__name__: problem for problem in problems}
    taken = {noun for problem in asking.values() for noun in nouns_of(problem).values()}
    for problem in asking.values():
        taken |= {noun for noun, name in kin_of(problem).items() if name in asking}
    asked = [noun for noun in model.shapes if noun in taken]
    if not asked:
        raise UserError(
            f"--like {model.name}: nothing that is selected takes any of {', '.join(model.shapes)}"
        )
    parts = [", ".join(_one(model, noun) for noun in asked)]
    if unasked := [noun for noun in model.shapes if noun not in taken]:
        parts.append(f"not asked here: {', '.join(unasked)}")
    if model.unknown:
        parts.append(f"unknown: {', '.join(model.unknown)}")
    return f"like {model.name}: {'; '.join(parts)}"


def _one(model: Model, noun: str) -> str:
    values = ",".join("none" if v is None else str(v).lower() for v in model.shapes[noun])
    field = model.read_from.get(noun, noun)
    return f"{noun}={values}" + ("" if field == noun else f" ({field})")
