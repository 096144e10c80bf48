"""Find variants and problems by looking into modules; runs in children, which import torch."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import is_dataclass, replace
from functools import partial
from pathlib import Path
from types import ModuleType

from bench.cases.case import Case
from bench.cases.problem import Problem
from bench.cases.variant import Variant, contestants
from bench.checking.module import ModuleProblem, module_variants
from bench.selecting.guests import heard, load_file
from bench.selecting.sources import hash_of

Progress = Callable[[str, float], None]
DESCRIPTIONS = ("answers", "charts", "claims", "preset")  # of a suite, for processes without torch


def load_module(reference: str) -> ModuleType:
    """Import a dotted module name, or a user's file by its absolute path."""
    if reference.endswith(".py"):
        return load_file(Path(reference))
    return heard(reference, lambda: importlib.import_module(reference))


def module_names(package: str) -> list[str]:
    """List a suite's modules that may define variants, in alphabetical order, without importing."""
    found = heard(package, lambda: importlib.import_module(package))
    paths = getattr(found, "__path__", None)
    if paths is None:
        raise ModuleNotFoundError(f"{package} is no package; expected a folder of modules")
    names = sorted(info.name for info in pkgutil.iter_modules(paths))
    return [f"{package}.{name}" for name in names if name not in DESCRIPTIONS]


def variants_of(module: ModuleType) -> list[Variant]:
    """Return the variants a module defines itself; imported ones belong to their own module."""
    found: list[Variant] = []
    for value in vars(module).values():
        if isinstance(value, Variant) and value.module == module.__name__:
            found += contestants(value)
        elif _is_module_problem(value) and value.__module__ == module.__name__:
            found += module_variants(value, module.__name__)
    for problem in problems_of(module):
        found += _brought_along(problem, module.__name__)
    return found


def _brought_along(problem: type[Problem], module: str) -> Iterator[Variant]:
    """Yield what contests a concrete problem for being of an abstract kind, posed elsewhere."""
    if inspect.isabstract(problem) or not problem.contested_by:
        return
    for name in module_names(problem.contested_by):
        with contextlib.suppress(Exception):  # what cannot be imported is a row of its own suite
            for value in list(vars(load_module(name)).values()):
                if isinstance(value, Variant) and value.module == name and _solves(value, problem):
                    yield replace(value, problem_type=problem, module=module)


def _solves(variant: Variant, problem: type[Problem]) -> bool:
    """Say whether a variant solves an abstract kind, of another module, that a problem is of."""
    kind = variant.problem_type
    elsewhere = kind.__module__ != problem.__module__
    return elsewhere and inspect.isabstract(kind) and issubclass(problem, kind)


def problems_of(module: ModuleType) -> list[type[Problem]]:
    """Return the problems a module defines itself."""
    return [
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, Problem)
        and value.__module__ == module.__name__
    ]


def _is_module_problem(value: object) -> bool:
    return inspect.isclass(value) and issubclass(value, ModuleProblem) and is_dataclass(value)


def find_variant(module: ModuleType, name: str, problem: str) -> Variant:
    """Return the variant of this name for this problem; LookupError where there is none."""
    for candidate in variants_of(module):
        if (candidate.name, candidate.problem_type.__name__) == (name, problem):
            return candidate
    raise LookupError(f"{module.__name__} has no variant '{name}' of {problem}")


def problems_posed(cases: list[Case]) -> list[Problem]:
    """Return the distinct problems of the cases whose modules can be imported, in order."""
    found: dict[Problem, None] = {}
    for case in (case for case in cases if case.problem):
        variant = find_variant(load_module(case.module), case.variant, case.problem)
        found[variant.problem_type(**case.values)] = None
    return list(found)


def provisions(cases: list[Case]) -> Iterator[tuple[str, Callable[[Progress], None]]]:
    """Yield whose, and what makes on disk that which these cases need: problems', then variants'.

    Equal problems are asked once, and so is a variant with equal problem and options.
    """
    for problem in problems_posed(cases):
        yield type(problem).__name__, problem.provision
    seen = []
    for case in (case for case in cases if case.problem):
        variant = find_variant(load_module(case.module), case.variant, case.problem)
        asked = (case.module, case.variant, case.values, case.options)
        if variant.provision is not None and asked not in seen:
            seen.append(asked)
            problem = variant.problem_type(**case.values)
            yield variant.name, partial(variant.provision, problem, **case.options)


def homes(variant: Variant) -> tuple[str, ...]:
    """Return the files that the variant and the problem it solves are defined in."""
    found = (inspect.getsourcefile(thing) for thing in (variant.function, variant.problem_type))
    return tuple(home for home in found if home)


def source_hash(variant: Variant) -> str:
    """Hash the sources that the variant and the problem it solves are made of."""
    return hash_of(frozenset(map(Path, variant.homes or homes(variant))))
