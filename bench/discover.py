"""Find variants and problems by looking into modules; runs in children, which import torch."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import sys
from dataclasses import is_dataclass
from pathlib import Path
from types import ModuleType

from bench.module import ModuleProblem, module_variants
from bench.sources import hash_of
from bench.variant import Variant, contestants

DESCRIPTIONS = ("charts", "claims", "preset")  # of a suite, for processes without torch
USER_PREFIX = "user_file_"  # so that mine.py named like a library does not replace it


def load_module(reference: str) -> ModuleType:
    """Import a dotted module name, or a user's file by its absolute path."""
    if not reference.endswith(".py"):
        return importlib.import_module(reference)
    path = Path(reference)
    name = f"{USER_PREFIX}{path.stem}"
    if name in sys.modules and getattr(sys.modules[name], "__file__", None) == str(path):
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.append(str(path.parent))  # last: a neighbour must not stand in for a library
    spec.loader.exec_module(module)
    return module


def module_names(package: str) -> list[str]:
    """List a suite's modules that may define variants, in alphabetical order, without importing."""
    paths = importlib.import_module(package).__path__
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
    return found


def _is_module_problem(value: object) -> bool:
    return inspect.isclass(value) and issubclass(value, ModuleProblem) and is_dataclass(value)


def find_variant(module: ModuleType, name: str, problem: str) -> Variant:
    """Return the variant of this name for this problem; LookupError where there is none."""
    for candidate in variants_of(module):
        if (candidate.name, candidate.problem_type.__name__) == (name, problem):
            return candidate
    raise LookupError(f"{module.__name__} has no variant '{name}' of {problem}")


def source_hash(variant: Variant) -> str:
    """Hash the sources that the variant and the problem it solves are made of."""
    homes = (inspect.getsourcefile(thing) for thing in (variant.function, variant.problem_type))
    return hash_of(frozenset(Path(home) for home in homes if home))
