"""Whether a case's values are of the types that its problem declares, as the suite's source says.

The source is read and not imported: it needs torch, and what run.json names is never run here. A
problem of a user's own, or of another version, is not known; then any plain value goes.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

from bench.cases.case import Case, Plain
from bench.system.own import ROOT

TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "str": (str,),
    "bool": (bool,),
    "None": (type(None),),
}


def misfit(case: Case) -> str:
    """Say which value is not of its field's type; empty where all are, or nothing is known."""
    known = _fields(case.suite, case.problem) if case.problem else {}
    for name, value in case.values.items():
        expected = known.get(name)
        if expected and not _is(value, expected):
            got = "null" if value is None else repr(value)[:40]
            return f"{name}: expected {' or '.join(expected)}, got {got}"
    return ""


def _is(value: Plain, expected: tuple[str, ...]) -> bool:
    if isinstance(value, bool):
        return "bool" in expected
    return isinstance(value, tuple(kind for name in expected for kind in TYPES[name]))


@cache
def _fields(suite: str, problem: str) -> dict[str, tuple[str, ...]]:
    """Return the types of a suite's problem by field; only those that plain types make up."""
    classes = _classes(suite)
    return dict(_declared(classes, problem)) if problem in classes else {}


@cache
def _classes(suite: str) -> dict[str, ast.ClassDef]:
    """Return the classes of an installed suite by name; none of a suite that is not installed."""
    (point, *_) = (*entry_points(group="touchstone.suites", name=suite), None)
    folder = ROOT / point.value.replace(".", "/") if point else None
    found: dict[str, ast.ClassDef] = {}
    for path in sorted(folder.glob("*.py")) if folder and folder.is_dir() else []:
        found |= {node.name: node for node in _parsed(path).body if isinstance(node, ast.ClassDef)}
    return found


def _parsed(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return ast.Module([], [])


def _declared(classes: dict[str, ast.ClassDef], name: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the fields of a class after those of its bases, which it may declare anew."""
    for base in classes[name].bases:
        if isinstance(base, ast.Name) and base.id in classes and base.id != name:
            yield from _declared(classes, base.id)
    for node in classes[name].body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            types = tuple(word.strip() for word in ast.unparse(node.annotation).split("|"))
            if all(word in TYPES for word in types):
                yield node.target.id, types
